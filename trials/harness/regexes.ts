import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createContext, Script } from "node:vm";

export interface Found {
  readonly file: string;
  readonly regex: RegExp;
}

/** A literal where an expression may begin. A division that looks like one makes no regular expression, or a harmless one. */
const LITERAL = /(?:^|[(,=:[!&|?{};>]|return|=>)\s*\/((?![*/])(?:[^\\/\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([dgimsuvy]*)(?=\s*[).,;\]:}?&|=]|\s*$|\.)/gm;
const OURS = /\.test\.ts$|\.suite\.ts$|-fixture\.ts$|\/testing\//;

/** Every regular expression that stands in the program, but for its tests. */
export async function regexesOf(folder: string): Promise<Found[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !OURS.test(file));
  const found: Found[] = [];
  for (const file of files.toSorted()) {
    for (const [, source = "", flags = ""] of (await readFile(file, "utf8")).matchAll(LITERAL)) {
      const regex = made(source, flags);
      if (regex) found.push({ file, regex });
    }
  }
  return found;
}

function made(source: string, flags: string): RegExp | undefined {
  try {
    return new RegExp(source, flags);
  } catch {
    return undefined; // no regular expression after all
  }
}

interface Atom {
  /** Texts of one letter that it takes. */
  readonly samples: readonly string[];
  readonly isRepeated: boolean;
}

const ESCAPES: readonly (readonly [RegExp, string])[] = [
  [/^\\s/, " "],
  [/^\\[SDw]/, "a"],
  [/^\\d/, "1"],
  [/^\\W/, " "],
  [/^\\n/, "\n"],
  [/^\\r/, "\r"],
  [/^\\t/, "\t"],
  [/^\\[bB]/, ""],
  [/^\\[pP]\{[^}]*\}/, "\u00e9"],
  [/^\\u(?:\{[0-9a-f]+\}|[0-9a-f]{4})/i, "\u200b"],
  [/^\\x../, "\u0001"],
  [/^\\0/, "\0"],
];
const LETTERS = "a1 .-_/:\"'\n\t{}[]()<>=,;#*`~|\\Z\u00e9\u6f22\u0001".split("");

/** The parts of a pattern one after the other, as if no group were around them. */
function atomsOf({ source, flags }: RegExp): Atom[] {
  const atoms: Atom[] = [];
  for (let rest = source; rest !== "";) {
    const { length, samples } = atomAt(rest, flags);
    rest = rest.slice(length);
    if (samples) atoms.push({ samples, isRepeated: /^([*+]|\{\d+,\d*\})/.test(rest) });
  }
  return atoms;
}

function atomAt(rest: string, flags: string): { length: number; samples?: readonly string[] } {
  if (rest[0] === "\\") {
    const hit = ESCAPES.find(([escape]) => escape.test(rest));
    if (!hit) return { length: 2, samples: [rest[1]!] };
    return { length: hit[0].exec(rest)![0].length, ...(hit[1] === "" ? {} : { samples: [hit[1]] }) };
  }
  if (rest[0] === "[") {
    const [text] = /^\[(?:[^\]\\]|\\.)*\]/.exec(rest) ?? [rest];
    const one = made(text, flags.replaceAll(/[gy]/g, ""));
    return { length: text.length, samples: LETTERS.filter((letter) => one?.test(letter)).slice(0, 2) };
  }
  const other = /^(?:\((?:\?(?:<?[=!]|:|<\w+>))?|[)|^$?*+]|\{\d+(?:,\d*)?\})/.exec(rest);
  if (other) return { length: other[0].length };
  return { length: 1, samples: rest[0] === "." ? ["a", " "] : [rest[0]!] };
}

const MOST_PUMPS = 32;

/** Texts that are long where the pattern repeats something, and end in what it does not take. */
function pumpsFor(regex: RegExp, length: number): string[] {
  const pumps = new Set<string>();
  let before = "";
  for (const { samples, isRepeated } of atomsOf(regex)) {
    if (isRepeated) pumps.add(before.repeat(Math.ceil(length / Math.max(1, before.length)))); // it begins again and again, and never ends
    for (const sample of isRepeated ? samples : []) {
      const many = sample.repeat(length);
      for (const text of [`${before}${many}\u0001`, `${many}\u0001`, before + many, (before + sample).repeat(Math.ceil(length / (before.length + 1)))])
        pumps.add(text);
    }
    before = (before + (samples[0] ?? "")).slice(-200);
  }
  const word = before || "a";
  for (const text of [word, `${word}\u0001`]) pumps.add(text.repeat(Math.ceil(length / text.length)).slice(0, length));
  for (const letter of new Set(before.slice(0, 6))) pumps.add(`${letter.repeat(length)}\u0001`);
  return [...pumps].slice(0, MOST_PUMPS);
}

const CALL = new Script("run()");
const bounded: { work: () => unknown } = { work: () => undefined };
const context = createContext({ run: () => bounded.work() });

/** What this thread works for it, in milliseconds; endless when it had to be stopped, which a script can be in the middle of a pattern. */
export function costMs(work: () => unknown, limitMs: number): number {
  bounded.work = work;
  const before = process.threadCpuUsage();
  try {
    CALL.runInContext(context, { timeout: limitMs * 10 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return Number.POSITIVE_INFINITY;
  }
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

/** The most that one of the texts costs. */
export function worstOf(regex: RegExp, length: number, limitMs: number): { ms: number; texts: number } {
  let ms = 0;
  const texts = pumpsFor(regex, length);
  for (const text of texts) {
    if (ms > limitMs) break;
    ms = Math.max(
      ms,
      costMs(() => {
        regex.lastIndex = 0;
        return regex.global ? text.replaceAll(regex, "") : regex.test(text);
      }, limitMs),
    );
  }
  return { ms, texts: texts.length };
}
