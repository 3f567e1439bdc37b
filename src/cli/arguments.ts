import type { Flag, Given, Verb } from "./verb.ts";

/** The command line was not as the verb wants it. The message says what was seen, what was expected and what to do. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Flags that every verb has. */
export const COMMON_FLAGS: Readonly<Record<string, Flag>> = {
  json: { means: "print what the API says, as JSON" },
  help: { means: "show this help" },
};

type Shape = Pick<Verb, "flags" | "words" | "takesLabels" | "args">;

interface Reading {
  readonly shape: Shape;
  readonly name: string;
  readonly words: string[];
  readonly flags: Map<string, string[]>;
  readonly labels: Record<string, string>;
}

/** Reads what stands after the verb. `--` ends the flags. @throws UsageError */
export async function readArguments(name: string, shape: Shape, args: readonly string[]): Promise<Given> {
  const reading: Reading = { shape, name, words: [], flags: new Map(), labels: {} };
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at]!;
    if (arg === "--") {
      reading.words.push(...args.slice(at + 1));
      break;
    }
    if (arg === "-h") reading.flags.set("help", []);
    else if (/^--?[^-\d\s]/.test(arg)) at += await takeFlag(reading, arg, args[at + 1]);
    else reading.words.push(arg);
  }
  if (!reading.flags.has("help")) requireWords(reading);
  return givenOf(reading);
}

function givenOf({ words, flags, labels }: Reading): Given {
  return {
    words,
    labels,
    has: (flag) => flags.has(flag),
    text: (flag) => flags.get(flag)?.at(-1),
    list: (flag) => flags.get(flag) ?? [],
  };
}

/** Gives how many of the arguments after it were taken. */
async function takeFlag(reading: Reading, arg: string, next: string | undefined): Promise<0 | 1> {
  const [, flag = "", equals, inline = ""] = /^--?([^=]*)(=?)([^]*)$/.exec(arg)!;
  const kind = arg.startsWith("--") || flag.length === 1 ? flagOf(reading.shape, flag) : undefined;
  if (!kind) {
    await takeLabel(reading, { arg, flag, value: equals === "" ? undefined : inline });
    return 0;
  }
  if (kind.takes === undefined) {
    if (equals !== "") throw new UsageError(`--${flag} takes no value, and got ${shown(inline)}. Leave out the = and what follows.`);
    reading.flags.set(flag, []);
    return 0;
  }
  const value = equals === "" ? next : inline;
  if (value === undefined || (equals === "" && value.startsWith("--")))
    throw new UsageError(`--${flag} has no value. Expected --${flag} <${kind.value ?? "text"}>.`);
  const before = reading.flags.get(flag);
  if (before && kind.takes === "text") throw new UsageError(`--${flag} came twice. Give it once.`);
  reading.flags.set(flag, [...(before ?? []), value]);
  return equals === "" ? 1 : 0;
}

const flagOf = ({ flags }: Shape, name: string): Flag | undefined => own(flags, name) ?? own(COMMON_FLAGS, name);

const own = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined => (Object.hasOwn(table, name) ? table[name] : undefined);

async function takeLabel({ shape, name, labels }: Reading, { arg, flag, value }: { arg: string; flag: string; value: string | undefined }): Promise<void> {
  const { nearest } = await import("#src/workspace/nearest.ts");
  const near = nearest(flag, [...Object.keys(shape.flags), ...Object.keys(COMMON_FLAGS)]);
  const meant = near === undefined ? "" : ` Did you mean --${near}?`;
  if (shape.takesLabels && value !== undefined && near === undefined && arg.startsWith("--")) {
    labels[flag] = value;
    return;
  }
  throw new UsageError(`${name} has no flag ${arg.split("=", 1)[0]}.${meant} \`loop ${name} --help\` lists those it has.`);
}

function requireWords({ shape, name, words }: Reading): void {
  const { least, most } = shape.words;
  const usage = `Expected: loop ${name} ${shape.args}`.trimEnd();
  if (words.length < least) throw new UsageError(`Something is missing after \`loop ${[name, ...words].join(" ")}\`. ${usage}`);
  if (words.length <= most) return;
  const quotes = words.length > 2 ? " A text of several words stands in quotes." : "";
  throw new UsageError(`There is more than expected: ${words.slice(most).map(shown).join(" ")}. ${usage}.${quotes}`);
}

const SHOWN_CHARACTERS = 60;
const shown = (text: string): string => JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text);

/** `key=value` pairs of a flag such as `--label`. @throws UsageError */
export function labelPairs(flag: string, pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      if (at < 1 || at === pair.length - 1) throw new UsageError(`--${flag} got ${shown(pair)}. Expected key=value, such as property=warm_taipei_2br.`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}
