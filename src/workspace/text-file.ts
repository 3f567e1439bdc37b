import { MAX_FILE_BYTES } from "./files.ts";
import type { Fault } from "./problem.ts";
import { type Located, readYaml, type YamlRead } from "./yaml-text.ts";

/** The text of a file: UTF-8, without byte order mark, lines ended by \n whatever the editor wrote. */
function textOf(bytes: Uint8Array): { kind: "ok"; text: string } | { kind: "faults"; faults: Fault[] } {
  const refuse = (seen: string, expected: string) => ({ kind: "faults" as const, faults: [{ line: 1, column: 1, path: "", seen, expected }] });
  if (bytes.length > MAX_FILE_BYTES) return refuse(`a file of ${bytes.length} bytes`, `${MAX_FILE_BYTES} bytes at most`);
  const text = decoded(bytes);
  if (text === undefined) return refuse("bytes that are not UTF-8", "a text file in UTF-8");
  if (text.includes("\0")) return refuse("a NUL character", "text");
  return { kind: "ok", text: text.replaceAll("\r\n", "\n") };
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

interface MarkdownParts {
  /** The YAML between the two `---`, or null where the file has none. */
  readonly matter: string | null;
  /** The line of the file that `matter` begins on. */
  readonly matterLine: number;
  readonly body: string;
}

/** Divides a Markdown file. `unclosed`: it begins with `---` and no second one follows. */
function splitFrontMatter(text: string): MarkdownParts | "unclosed" {
  const lines = text.split("\n");
  if (lines[0]?.trimEnd() !== "---") return { matter: null, matterLine: 1, body: text.trim() };
  const end = lines.findIndex((line, index) => index > 0 && line.trimEnd() === "---");
  if (end === -1) return "unclosed";
  return {
    matter: lines.slice(1, end).join("\n"),
    matterLine: 2,
    body: lines
      .slice(end + 1)
      .join("\n")
      .trim(),
  };
}

/** A file as a located value; of Markdown the front matter, with the body beside it. Markdown without front matter has the value null. */
export type FileRead =
  | { readonly kind: "ok"; readonly document: Located; readonly body: string }
  | { readonly kind: "faults"; readonly faults: readonly Fault[] };

/** What was read of which bytes: a workspace is parsed and compared from the same ones, and to read them is most of the work of both. */
const known = new WeakMap<Uint8Array, FileRead>();

export function readYamlFile(bytes: Uint8Array): FileRead {
  const before = known.get(bytes);
  if (before) return before;
  const text = textOf(bytes);
  const read = text.kind === "ok" ? withBody(readYaml(text.text), "") : text;
  known.set(bytes, read);
  return read;
}

export function readMarkdownFile(bytes: Uint8Array): FileRead {
  const read = textOf(bytes);
  if (read.kind === "faults") return read;
  const parts = splitFrontMatter(read.text);
  if (parts === "unclosed") {
    return { kind: "faults", faults: [{ line: 1, column: 1, path: "", seen: "front matter that is not closed", expected: "a second line of --- after it" }] };
  }
  if (parts.matter === null) return { kind: "ok", document: { value: null, locate: () => ({ line: 1, column: 1 }) }, body: parts.body };
  return withBody(readYaml(parts.matter, parts.matterLine), parts.body);
}

const withBody = (read: YamlRead, body: string): FileRead => (read.kind === "ok" ? { ...read, body } : read);
