import { LoopError } from "#src/kernel/errors.ts";
import type { Account } from "./kinds.ts";
import { INTERNAL_NAMES, type Known, type Row, SETTINGS, type Settings } from "./schema.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ReadOptions {
  /** The environment with what `loadEnvFile` added. An empty value counts as not set. */
  readonly env: Environment;
  /** Home folder of the account, as os.homedir() gives it. */
  readonly home?: string | undefined;
  readonly isRoot: boolean;
}

const ROWS = Object.entries(SETTINGS) as [keyof typeof SETTINGS, Row<unknown>][];
const LONGEST_SHOWN = 40; // longer values are more often a key in the wrong place than a typing error worth seeing

/** Reads every setting. Pure: same input, same answer. @throws LoopError settings_invalid with every problem at once, secrets hidden */
export function readSettings({ env, home, isRoot }: ReadOptions): Settings {
  const account: Account = { osHome: home, isRoot };
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  const usesModel = env["LOOP_MODEL"] === "on";
  for (const [field, row] of ROWS) {
    const text = textOf(row, env, problems);
    const unused = row.forModel !== undefined && !usesModel;
    const homeFolder = (values["homeFolder"] as string | undefined) ?? "";
    if (text === "" || unused) values[field] = fallBack({ row, known: { account, env, homeFolder }, problems });
    else if ((values[field] = row.kind.read(text, account)) === undefined) problems.push(`${row.name}: ${seen(row, text)}. Expected ${row.kind.expected}`);
  }
  problems.push(...strangers(env));
  if (problems.length > 0) throw invalid(problems);
  const modelKeysFound = ROWS.flatMap(([, row]) => (row.forModel === "key" && env[row.name] ? [row.name] : []));
  return deepFreeze({ ...values, modelKeysFound }) as unknown as Settings;
}

/** Every secret among the settings that are set, used or not, and the password inside a URL: what the redactor is taught before the first line is logged. */
export function secretValues(env: Environment): readonly string[] {
  return ROWS.flatMap(([, row]) => {
    const text = row.secret ? (env[row.name] ?? "") : "";
    const password = URL.parse(text)?.password ?? "";
    return [text, password, unescaped(password)].filter((value, index, all) => value !== "" && all.indexOf(value) === index);
  });
}

function textOf({ name, alias }: Row<unknown>, env: Environment, problems: string[]): string {
  const text = env[name] ?? "";
  const other = alias === undefined ? "" : (env[alias] ?? "");
  if (text !== "" && other !== "" && text !== other)
    problems.push(`${name}: got ${JSON.stringify(text)}, and ${alias}, which is another name for it, got ${JSON.stringify(other)}. Expected one of them`);
  return text || other;
}

function fallBack({ row, known, problems }: { row: Row<unknown>; known: Known; problems: string[] }): unknown {
  const value = row.fallback(known);
  if (value === undefined && row.name === "LOOP_HOME")
    problems.push(`${row.name}: not set, and this account has no home folder. Expected ${row.kind.expected}`);
  return value;
}

function seen(row: Row<unknown>, text: string): string {
  if (row.secret || text.includes("@")) return "is set (value hidden)";
  return text.length > LONGEST_SHOWN ? `got a value of ${text.length} characters` : `got ${JSON.stringify(text)}`;
}

function strangers(env: Environment): string[] {
  const names = ROWS.flatMap(([, { name, alias }]) => (alias === undefined ? [name] : [name, alias]));
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith("LOOP_") && env[name] !== undefined && !names.includes(name) && !INTERNAL_NAMES.includes(name),
  );
  return unknown.toSorted().map((name) => {
    const near = nearest(name, names);
    return `${name}: no such setting. ${near === undefined ? "See docs/settings.md for those there are" : `Did you mean ${near}?`}`;
  });
}

function nearest(name: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((known) => ({ known, edits: Math.min(editsBetween(name, known), editsBetween(name.slice("LOOP_".length), known)) }))
    .sort((a, b) => a.edits - b.edits);
  const best = ranked[0];
  return best && best.edits <= Math.max(2, Math.floor(best.known.length / 4)) ? best.known : undefined;
}

/** Letters added, dropped, changed, or swapped with their neighbour. */
function editsBetween(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let edits = Math.min(rows[i - 1]![j]! + 1, current[j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) edits = Math.min(edits, rows[i - 2]![j - 2]! + 1);
      current.push(edits);
    }
    rows.push(current);
  }
  return rows[a.length]![b.length]!;
}

function invalid(problems: readonly string[]): LoopError {
  const head = problems.length === 1 ? "1 problem in the settings:" : `${problems.length} problems in the settings:`;
  return new LoopError("settings_invalid", [head, ...problems.map((problem) => `  ${problem}`)].join("\n"), { facts: { problems: problems.length } });
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % is a character like any other
  }
}

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) if (typeof member === "object" && member !== null) Object.freeze(member);
  return Object.freeze(value);
}
