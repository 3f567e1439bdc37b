import { Composer, CST, Lexer, LineCounter, Parser, type Document, type YAMLParseError } from "yaml";
import type { Fault, Path } from "./problem.ts";
import { pathText } from "./problem.ts";
import { createPositions, toValue } from "./yaml-value.ts";

const MAX_ALIASES = 20;
const MAX_DEPTH = 32;
/** Some 25,000 fields. The reader takes about 3 µs for each token, and a hostile file is all tokens. */
const MAX_TOKENS = 120_000;
const SYNTAX_FAULTS_SHOWN = 5; // the rest follow from the first

/** A value and where each part of it stands in its file. */
export interface Located {
  readonly value: unknown;
  /** Where the value at this path begins, or its nearest ancestor that is there. `key`: where its name stands. */
  readonly locate: (path: Path, part?: "key" | "value") => { line: number; column: number };
}

export type YamlRead = { readonly kind: "ok"; readonly document: Located } | { readonly kind: "faults"; readonly faults: readonly Fault[] };

/**
 * Reads YAML 1.2 (and with it JSON) from a stranger's hand: one document, no tags, no directives, few aliases, bounded depth and size, no name twice.
 * `firstLine`: the line of its file that the text begins on. Never throws.
 */
export function readYaml(text: string, firstLine = 1): YamlRead {
  const lines = new LineCounter();
  lines.addNewLine(0);
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: line + firstLine - 1, column: col };
  };
  const guarded = parseGuarded(text, lines);
  if (guarded.kind === "refused") return { kind: "faults", faults: [{ ...at(guarded.offset), path: "", seen: guarded.seen, expected: guarded.expected }] };
  const documents = compose(guarded.tokens);
  const errors = documents.flatMap((document) => document.errors);
  if (errors.length > 0) return { kind: "faults", faults: errors.slice(0, SYNTAX_FAULTS_SHOWN).map((error) => syntaxFault(error, at)) };

  const positions = createPositions();
  const converted = toValue(documents[0], { positions, maxAliases: MAX_ALIASES, maxDepth: MAX_DEPTH, maxValues: MAX_TOKENS });
  if (converted.faults.length > 0) {
    return { kind: "faults", faults: converted.faults.map(({ offset, path, seen, expected }) => ({ ...at(offset), path: pathText(path), seen, expected })) };
  }
  return { kind: "ok", document: { value: converted.value, locate: (path, part = "value") => at(positions.find(path, part)) } };
}

function compose(tokens: readonly CST.Token[]): Document.Parsed[] {
  // Names that come twice are found in toValue: the composer compares each with each.
  const composer = new Composer({ version: "1.2", schema: "core", uniqueKeys: false, merge: false, prettyErrors: false, strict: true });
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0; // a hostile file makes an error of every token, and the stack of each costs more than all the rest
  try {
    return [...composer.compose(tokens, true, 0)];
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function syntaxFault(error: YAMLParseError, at: (offset: number) => { line: number; column: number }): Fault {
  return { ...at(error.pos[0]), path: "", seen: `what is not YAML (${error.message})`, expected: "valid YAML" };
}

interface Refused {
  readonly kind: "refused";
  readonly offset: number;
  readonly seen: string;
  readonly expected: string;
}

/** The parser is fed token by token and left at once when the file is a bomb: read to the end, a megabyte of brackets takes it seconds. */
function parseGuarded(text: string, lines: LineCounter): Refused | { kind: "parsed"; tokens: CST.Token[] } {
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  const guard = createGuard();
  let offset = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    const refusal = guard(lexeme, parser.stack.length);
    if (refusal) return { kind: "refused", offset, ...refusal };
    if (!isMark(lexeme)) offset += lexeme.length;
  }
  for (const token of parser.end()) tokens.push(token);
  return { kind: "parsed", tokens };
}

/** Control characters that the lexer puts between lexemes and that stand for no text. */
const isMark = (lexeme: string): boolean => lexeme === CST.DOCUMENT || lexeme === CST.FLOW_END || lexeme === CST.SCALAR;

type Refusal = Pick<Refused, "seen" | "expected">;

function createGuard(): (lexeme: string, depth: number) => Refusal | undefined {
  let count = 0;
  let aliases = 0;
  let anchors = 0;
  let documents = 0;
  let afterScalarMark = false;
  return (lexeme, depth) => {
    const type = afterScalarMark ? "scalar" : CST.tokenType(lexeme);
    afterScalarMark = lexeme === CST.SCALAR;
    if (!isMark(lexeme) && (count += 1) > MAX_TOKENS) return { seen: `a file of more than ${MAX_TOKENS} parts`, expected: "smaller files: split it" };
    if (depth > MAX_DEPTH * 2) return tooDeep; // the stack holds a list and its item apart
    if (type === "tag") return { seen: `the tag ${lexeme.slice(0, 40)}`, expected: "plain values without tags" };
    if (type === "directive-line") return { seen: "a directive line (%)", expected: "YAML without directives" };
    if (type === "alias" && (aliases += 1) > MAX_ALIASES) return tooManyAliases;
    if (type === "anchor" && (anchors += 1) > MAX_ALIASES) return { seen: `more than ${MAX_ALIASES} anchors (&)`, expected: `${MAX_ALIASES} at most` };
    if (type === "doc-start" && (documents += 1) > 1) return { seen: "a second document (---)", expected: "one document a file" };
    return undefined;
  };
}

const tooDeep: Refusal = { seen: `values nested more than ${MAX_DEPTH} deep`, expected: `${MAX_DEPTH} levels at most` };
const tooManyAliases: Refusal = {
  seen: `more than ${MAX_ALIASES} aliases (*)`,
  expected: `${MAX_ALIASES} at most, each use of an alias inside another counted`,
};
