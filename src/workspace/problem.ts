/** Where in a value: names of members and indexes of items. */
export type Path = readonly (string | number)[];

/** One thing that is wrong in a workspace, for the person who can put it right. */
export interface Problem {
  readonly file: string;
  /** From 1. Where the file as a whole is meant: 1 and 1. */
  readonly line: number;
  readonly column: number;
  /** Such as `rules[2].when.severity`; empty for the whole file. */
  readonly path: string;
  readonly seen: string;
  readonly expected: string;
  readonly hint?: string;
}

/** What a problem says beside its file: the reader of a format knows no file names. */
export type Fault = Omit<Problem, "file">;

export function pathText(path: Path): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      if (!/^[\w-]+$/.test(part)) return `[${JSON.stringify(part)}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join("");
}

/** The problem of a file as a whole. */
export function fileProblem(file: string, seen: string, expected: string): Problem {
  return { file, line: 1, column: 1, path: "", seen, expected };
}

const SHOWN_CHARACTERS = 60;

/** A value as a person reads it in a message; cut, and hidden where the name says that it may be a secret. */
export function describe(value: unknown, path: Path = []): string {
  if (value === undefined) return "nothing";
  if (path.some((part) => typeof part === "string" && /secret|token|password|api_?key/i.test(part)) && typeof value === "string") return "a value (hidden)";
  if (value === null) return "an empty value";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (typeof value === "object") return "a group of fields";
  const text = JSON.stringify(value) ?? typeof value;
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}

export function inOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column));
}

/** All problems as text, one a line, under a heading. */
export function problemsText(problems: readonly Problem[]): string {
  const heading = problems.length === 1 ? "1 problem in the workspace:" : `${problems.length} problems in the workspace:`;
  const lines = inOrder(problems).map((problem) => {
    const where = problem.path === "" ? "" : ` ${problem.path}:`;
    return `  ${problem.file}:${problem.line}:${problem.column}:${where} seen ${problem.seen}. Expected ${problem.expected}.${problem.hint ? ` ${problem.hint}` : ""}`;
  });
  return [heading, ...lines].join("\n");
}
