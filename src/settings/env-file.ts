import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LoopError } from "#src/kernel/errors.ts";
import type { Environment } from "./read.ts";

/**
 * The environment with the lines of `<folder>/.env` added; what the real environment has, even empty, wins. No such file: the environment as it is.
 * A line is `KEY=value`, with `export` before it if wanted. 'single' quotes keep everything as it stands; in "double" quotes \n, \r, \t, \", \\ and \$
 * are understood; both may go over several lines. Elsewhere a value ends at the line or at a # after a space. Nothing is expanded.
 * @throws LoopError settings_invalid with the number of every broken line, never its text
 */
export function loadEnvFile(folder: string, env: Environment = {}): Environment {
  const file = join(folder, ".env");
  const text = readIfThere(file);
  if (text === null) return env;
  const { values, problems } = parse(text);
  if (problems.length > 0) throw invalid(`${problems.length === 1 ? "1 problem" : `${problems.length} problems`} in ${file}:\n${problems.join("\n")}`);
  const real = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined));
  return { ...values, ...real };
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw invalid(`${file} cannot be read (${code}). Expected a text file that this account may read, or none.`, cause);
  }
}

const EMPTY_LINE = /[ \t]*(?:#[^\n]*)?(?:\n|$)/y;
const ASSIGNMENT = /[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*/y;
const QUOTED = /'([^']*)'|"((?:[^"\\]|\\[^])*)"/y;
const REST_OF_LINE = /([^\n]*)(?:\n|$)/y;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\", $: "$" };

interface Parsed {
  readonly values: Record<string, string>;
  readonly problems: string[];
}

function parse(source: string): Parsed {
  const text = source.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  const values: Record<string, string> = {};
  const problems: string[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  const giveUp = (start: number, why: string) => {
    problems.push(`  line ${text.slice(0, start).split("\n").length}: ${why}`);
    at = start;
    take(REST_OF_LINE);
  };
  while (at < text.length) {
    const start = at;
    if (take(EMPTY_LINE)) continue;
    const name = take(ASSIGNMENT)?.[1];
    if (name === undefined) giveUp(start, "expected KEY=value, a comment or nothing");
    else if (text[at] !== "'" && text[at] !== '"')
      values[name] = take(REST_OF_LINE)![1]!
        .replace(/(^|[ \t])#.*$/, "")
        .trim();
    else {
      const quoted = take(QUOTED);
      if (!quoted) giveUp(start, `the quote that opens the value of ${name} is never closed`);
      else if (!take(EMPTY_LINE)) giveUp(start, `expected nothing but a comment after the closing quote of ${name}`);
      else values[name] = quoted[1] ?? quoted[2]!.replace(/\\([nrt"\\$])/g, (_, letter: string) => ESCAPES[letter]!);
    }
  }
  return { values, problems };
}

const invalid = (message: string, cause?: unknown): LoopError => new LoopError("settings_invalid", message, { cause });
