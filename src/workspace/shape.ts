import { z } from "zod";
import { didYouMean } from "./nearest.ts";
import { describe, type Fault, type Path, pathText } from "./problem.ts";
import type { Located } from "./yaml-text.ts";

/** Nobody reads more, and a file of a megabyte can be all wrong. */
const MAX_FAULTS = 500;

type Issue = z.core.$ZodIssue;

/** Checks a value against its schema; every fault at once, each with its place in the file and words for a person. */
export function shape<T>(schema: z.ZodType<T>, document: Located): { kind: "ok"; data: T } | { kind: "faults"; faults: Fault[] } {
  const parsed = schema.safeParse(document.value);
  if (parsed.success) return { kind: "ok", data: parsed.data };
  const context: Context = { document, schema };
  return { kind: "faults", faults: parsed.error.issues.slice(0, MAX_FAULTS).flatMap((issue) => faultsOf(context, issue, [])) };
}

interface Context {
  readonly document: Located;
  readonly schema: z.ZodType;
}

function faultsOf(context: Context, issue: Issue, prefix: Path): Fault[] {
  const path: Path = [...prefix, ...(issue.path as (string | number)[])];
  const seen = valueAt(context.document.value, path);
  if (issue.code === "unrecognized_keys") return issue.keys.slice(0, MAX_FAULTS).map((key) => unknownField(context, path, key));
  if (issue.code === "invalid_union" && issue.errors.length > 0) return unionFaults(context, issue, path);
  if (issue.code === "invalid_key") {
    return [fault(context, path, { part: "key", seen: `the name ${JSON.stringify(path.at(-1))}`, expected: issue.issues.map(expectation).join(", ") })];
  }
  const words = { part: "value" as const, seen: describe(seen, path), expected: expectation(issue) };
  return [fault(context, path, { ...words, ...(typeof seen === "string" && "values" in issue ? didYouMean(seen, issue.values.map(String)) : {}) })];
}

function fault(context: Context, path: Path, words: { part: "key" | "value"; seen: string; expected: string; hint?: string }): Fault {
  const { part, ...said } = words;
  return { ...context.document.locate(path, part), path: pathText(path), ...said };
}

function unknownField(context: Context, path: Path, key: string): Fault {
  const known = knownFields(context.schema, path);
  const expected = known.length === 0 ? "no such field" : `one of the fields ${known.join(", ")}`;
  return fault(context, [...path, key], { part: "key", seen: `the unknown field ${key}`, expected, ...didYouMean(key, known) });
}

/** Of the forms that a value may have, the one that this value comes nearest to. */
function unionFaults(context: Context, issue: Issue & { code: "invalid_union" }, path: Path): Fault[] {
  const seen = valueAt(context.document.value, path);
  const branches = issue.errors.map((issues) => ({ issues, otherForm: issues.some((one) => one.path.length === 0 && isOtherForm(one, seen)) }));
  const depth = (issues: readonly Issue[]) => Math.max(...issues.map((one) => one.path.length));
  const nearestFirst = branches.toSorted((a, b) => {
    return Number(a.otherForm) - Number(b.otherForm) || a.issues.length - b.issues.length || depth(b.issues) - depth(a.issues);
  });
  const best = nearestFirst[0]!.issues;
  // An unknown name explains the missing one: the person meant a form, and only misspelt it.
  const unknown = best.filter((one) => one.code === "unrecognized_keys");
  return (unknown.length > 0 ? unknown : best).flatMap((one) => faultsOf(context, one, path));
}

const isOtherForm = (issue: Issue, seen: unknown): boolean =>
  typeof seen === "object" && seen !== null ? issue.code !== "unrecognized_keys" && issue.code !== "custom" : issue.code === "invalid_type";

const FORMS: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a group of fields",
  record: "a group of fields",
};

function expectation(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return FORMS[issue.expected] ?? issue.expected;
    case "invalid_value":
      return oneOf(issue.values.map(String));
    case "invalid_union":
      return "options" in issue && Array.isArray(issue.options) ? oneOf(issue.options.map(String)) : "another form";
    case "too_small":
      return limit(issue.origin, issue.inclusive === false ? "more than" : "at least", String(issue.minimum));
    case "too_big":
      return limit(issue.origin, issue.inclusive === false ? "less than" : "at most", String(issue.maximum));
    case "invalid_format":
      return issue.format === "datetime" ? "a time such as 2026-01-31T09:00:00Z" : withoutLead(issue.message);
    default:
      return withoutLead(issue.message);
  }
}

const oneOf = (values: readonly string[]): string => (values.length === 1 ? values[0]! : `one of ${values.join(", ")}`);
const withoutLead = (message: string): string => message.replace(/^(?:expected |Invalid input: expected )/, "");

function limit(origin: string, bound: string, amount: string): string {
  if (origin === "string") return amount === "1" && bound === "at least" ? "a text that is not empty" : `a text of ${bound} ${amount} characters`;
  if (origin === "array" || origin === "set") return `a list of ${bound} ${amount}`;
  return `a number of ${bound} ${amount}`;
}

function valueAt(value: unknown, path: Path): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Record<string | number, unknown>)[part];
  }
  return here;
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

const jsonSchemas = new WeakMap<z.ZodType, JsonSchema>();

/** The fields that the format knows at this path, over all forms that the value there may have. */
function knownFields(schema: z.ZodType, path: Path): string[] {
  let root = jsonSchemas.get(schema);
  if (root === undefined) jsonSchemas.set(schema, (root = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema));
  let here = forms(root);
  for (const part of path) here = here.flatMap((form) => child(form, part)).flatMap(forms);
  return [...new Set(here.flatMap((form) => Object.keys(form.properties ?? {})))];
}

const forms = (schema: JsonSchema): JsonSchema[] => [
  schema,
  ...[schema.anyOf, schema.oneOf, schema.allOf].flatMap((several) => (several ?? []).flatMap(forms)),
];

function child(schema: JsonSchema, part: string | number): JsonSchema[] {
  if (typeof part === "number") return schema.items ? [schema.items] : [];
  const named = schema.properties && Object.hasOwn(schema.properties, part) ? schema.properties[part] : undefined;
  if (named) return [named];
  return typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : [];
}
