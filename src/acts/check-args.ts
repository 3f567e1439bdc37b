import { createContext, Script } from "node:vm";
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { Json } from "#src/kernel/canonical-json.ts";
import { lookAtSchema } from "./schema-limits.ts";

const LONGEST_MS = 100;
const MOST_SHOWN = 5;
const SHOWN_CHARACTERS = 80;
const LARGEST_ARGS = 1_048_576;
const DEEPEST_ARGS = 200;

type Checker =
  | { readonly kind: "ready"; readonly validate: ValidateFunction; readonly isCostly: boolean }
  | { readonly kind: "unusable"; readonly why: string };

const checkers = new WeakMap<object, Checker>();

/** Why no arguments can be checked by this schema: it is too large, too deep, refers to elsewhere or is no JSON Schema. Null: they can. */
export function schemaProblem(schema: Json): string | null {
  const checker = checkerOf(schema);
  return checker.kind === "ready" ? null : `its JSON Schema cannot be used: ${checker.why}`;
}

/**
 * What is wrong with the arguments of a tool, by its JSON Schema: each field, what was seen there and what was expected. Null: nothing. A schema or a text
 * that would take longer than 100 ms is a problem too. Never throws.
 */
export function argsProblem(schema: Json, args: Json): string | null {
  const checker = checkerOf(schema);
  if (checker.kind === "unusable") return `its JSON Schema cannot be used: ${checker.why}`;
  const tooBig = sizeProblem(args);
  if (tooBig !== null) return tooBig;
  const { validate, isCostly } = checker;
  const checked = isCostly ? bounded(() => () => validate(args)) : attempt(() => validate(args));
  if (checked.kind === "failed") return `they could not be checked within ${LONGEST_MS} ms: ${checked.why}`;
  return checked.value === true ? null : inWords(validate.errors ?? [], args);
}

const OPTIONS: Options = {
  strict: false,
  allErrors: true,
  validateFormats: false,
  logger: false,
  inlineRefs: false,
  // Patterns are meant to be read with `u`; many servers write some that only work without.
  code: { regExp: Object.assign(toRegExp, { code: "" }) },
};

function toRegExp(pattern: string): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch {
    return new RegExp(pattern);
  }
}

function checkerOf(schema: Json): Checker {
  if (schema === null || typeof schema !== "object") return { kind: "unusable", why: "it is no object" };
  const known = checkers.get(schema);
  if (known) return known;
  const made = compile(schema);
  checkers.set(schema, made);
  return made;
}

const made: { newer?: Ajv; older?: Ajv } = {};

/** One that was stopped at work is left as it was at that moment: to compile the same again it would fail. */
function forgetDialects(): void {
  delete made.newer;
  delete made.older;
}

/** One for all schemas of a kind: none of them has a name by which another could find it. What the library prepares for itself is done before anything is timed. */
function dialectOf($schema: Json | undefined): Ajv {
  const isOlder = typeof $schema === "string" && /draft-0[467]/.test($schema);
  const ajv = isOlder ? (made.older ??= new Ajv(OPTIONS)) : (made.newer ??= new Ajv2020(OPTIONS));
  void ajv.validateSchema({ type: "object" });
  return ajv;
}

function compile(schema: Json): Checker {
  const look = lookAtSchema(schema);
  if (look.kind === "refused") return { kind: "unusable", why: look.why };
  const { $schema, $id: _, ...rest } = schema as { readonly [key: string]: Json | undefined };
  const compiled = bounded((tries) => {
    if (tries > 1) forgetDialects();
    const ajv = dialectOf($schema);
    return () => ajv.compile(rest);
  });
  if (compiled.kind === "done") dialectOf($schema).removeSchema(rest); // it would be kept for ever
  else forgetDialects();
  return compiled.kind === "done" ? { kind: "ready", validate: compiled.value, isCostly: look.isCostly } : { kind: "unusable", why: compiled.why };
}

type Attempt<T> = { readonly kind: "done"; readonly value: T } | { readonly kind: "failed"; readonly isLate: boolean; readonly why: string };

function attempt<T>(work: () => T): Attempt<T> {
  try {
    return { kind: "done", value: work() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isLate = code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
    return { kind: "failed", isLate, why: isLate ? "it takes too long" : String(message).slice(0, 200) };
  }
}

const CALL = new Script("work()");

/** On a machine that is busy elsewhere time passes without work: such a try says nothing of the work. */
const TRIES = 10;

/**
 * Stops work that takes longer than it may. Only a script can be stopped from outside, even in the middle of a regular expression; what it calls is stopped
 * with it. What counts is the time that this thread really worked. `begin` prepares each try.
 */
function bounded<T>(begin: (tries: number) => () => T): Attempt<T> {
  for (let tries = 1; ; tries += 1) {
    const work = begin(tries);
    const before = process.threadCpuUsage();
    const tried = attempt(() => CALL.runInContext(createContext({ work }), { timeout: LONGEST_MS }) as T);
    const { user, system } = process.threadCpuUsage(before);
    if (tried.kind === "done" || !tried.isLate || tries === TRIES || user + system > LONGEST_MS * 500) return tried;
  }
}

function sizeProblem(args: Json): string | null {
  let left = LARGEST_ARGS;
  const rest: { readonly value: Json | undefined; readonly depth: number }[] = [{ value: args, depth: 0 }];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { value, depth } = next;
    left -= typeof value === "string" ? value.length : 1;
    if (left < 0) return `they are larger than ${LARGEST_ARGS / 1_048_576} MB`;
    if (depth > DEEPEST_ARGS) return `they are nested more than ${DEEPEST_ARGS} deep`;
    if (value !== null && typeof value === "object") for (const member of Object.values(value)) rest.push({ value: member, depth: depth + 1 });
  }
  return null;
}

/** The first few problems, each with its field, what was seen and what was expected. */
function inWords(errors: readonly ErrorObject[], args: Json): string {
  const telling = errors.filter(({ keyword }) => keyword !== "if");
  const shown = telling.slice(0, MOST_SHOWN).map((error) => `${fieldOf(error)}: ${problemOf(error, args)}`);
  const more = telling.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

function fieldOf({ instancePath, keyword, params }: ErrorObject): string {
  const missing = keyword === "required" ? (params as { missingProperty: string }).missingProperty : undefined;
  const unknown = keyword === "additionalProperties" ? (params as { additionalProperty: string }).additionalProperty : undefined;
  const parts = instancePath.split("/").slice(1).map(plain);
  const field = [...parts, ...((missing ?? unknown) ? [(missing ?? unknown)!] : [])].join(".");
  return field === "" ? "the arguments" : field.slice(0, SHOWN_CHARACTERS);
}

const plain = (part: string): string => part.replaceAll("~1", "/").replaceAll("~0", "~");

function problemOf(error: ErrorObject, args: Json): string {
  if (error.keyword === "required") return "missing";
  if (error.keyword === "additionalProperties") return "no such field";
  return `got ${seenAt(error.instancePath, args)}, expected ${expectedOf(error)}`;
}

function expectedOf({ keyword, params, message }: ErrorObject): string {
  const { type, allowedValues, allowedValue, pattern } = params as { type?: string | string[]; allowedValues?: Json[]; allowedValue?: Json; pattern?: string };
  if (keyword === "type") return [type].flat().join(" or ");
  if (keyword === "enum") return `one of ${short(allowedValues ?? [])}`;
  if (keyword === "const") return short(allowedValue ?? null);
  if (keyword === "pattern") return `a text like ${short(pattern ?? "")}`;
  return (message ?? keyword).replace(/^must (be )?/, "").slice(0, 160);
}

function seenAt(path: string, args: Json): string {
  const value = path
    .split("/")
    .slice(1)
    .reduce<Json | undefined>((at, part) => (at !== null && typeof at === "object" ? (at as Record<string, Json>)[plain(part)] : undefined), args);
  return value === undefined ? "nothing" : short(value);
}

function short(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}
