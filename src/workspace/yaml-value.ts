import { isAlias, isMap, isScalar, isSeq, type Document, type Node, type Pair, type YAMLMap, type YAMLSeq } from "yaml";
import { type Path, pathText } from "./problem.ts";

interface ValueFault {
  readonly offset: number;
  readonly path: Path;
  readonly seen: string;
  readonly expected: string;
}

export interface Positions {
  set(path: Path, part: "key" | "value", offset: number): void;
  /** The offset of this part, else of the value there, else of the nearest ancestor, else 0. */
  find(path: Path, part: "key" | "value"): number;
}

export function createPositions(): Positions {
  const keys = new Map<string, number>();
  const values = new Map<string, number>();
  return {
    set: (path, part, offset) => void (part === "key" ? keys : values).set(pathText(path), offset),
    find(path, part) {
      for (let length = path.length; length >= 0; length -= 1) {
        const text = pathText(path.slice(0, length));
        const found = (part === "key" || length < path.length ? keys.get(text) : undefined) ?? values.get(text);
        if (found !== undefined) return found;
      }
      return 0;
    },
  };
}

interface Limits {
  readonly positions: Positions;
  readonly maxAliases: number;
  readonly maxDepth: number;
  readonly maxValues: number;
}

/** State of one conversion. `aliases` and `values` count every use, so that aliases inside aliases cannot multiply. */
interface Conversion extends Limits {
  readonly document: Document.Parsed;
  readonly faults: ValueFault[];
  aliases: number;
  values: number;
}

/** Plain values out of a composed document, bounded whatever its aliases do; names are texts, none twice, every text well-formed. */
export function toValue(document: Document.Parsed | undefined, limits: Limits): { value: unknown; faults: ValueFault[] } {
  if (document === undefined) return { value: null, faults: [] };
  const conversion: Conversion = { ...limits, document, faults: [], aliases: 0, values: 0 };
  return { value: valueOf(conversion, document.contents, []), faults: conversion.faults };
}

function valueOf(conversion: Conversion, node: Node | null, path: Path): unknown {
  if (node === null) return null;
  const offset = node.range?.[0] ?? 0;
  conversion.positions.set(path, "value", offset);
  const fault = (seen: string, expected: string): undefined => void conversion.faults.push({ offset, path, seen, expected });
  conversion.values += 1;
  if (conversion.values > conversion.maxValues) {
    return conversion.values === conversion.maxValues + 1
      ? fault(`more than ${conversion.maxValues} values`, "smaller files, or fewer uses of aliases")
      : undefined;
  }
  if (path.length > conversion.maxDepth) return fault(`values nested more than ${conversion.maxDepth} deep`, `${conversion.maxDepth} levels at most`);
  if (isAlias(node)) {
    conversion.aliases += 1;
    if (conversion.aliases === conversion.maxAliases + 1)
      fault(`more than ${conversion.maxAliases} uses of aliases (*)`, `${conversion.maxAliases} at most, those inside aliases counted`);
    if (conversion.aliases > conversion.maxAliases) return undefined;
    const target = node.resolve(conversion.document);
    return target === undefined ? fault(`the alias *${node.source}`, "an anchor of this name before it") : valueOf(conversion, target, path);
  }
  if (isMap(node)) return mapOf(conversion, node, path);
  if (isSeq(node)) return (node as YAMLSeq<Node>).items.map((item, index) => valueOf(conversion, item, [...path, index]));
  if (!isScalar(node)) return fault("something that is no value", "a value");
  const { value } = node;
  if (typeof value === "string" && !isSound(value)) return fault("a text with characters that cannot be stored", "text without NUL and half surrogates");
  if (typeof value === "number" && !Number.isFinite(value)) return fault(`the number ${value}`, "a finite number");
  return value;
}

function mapOf(conversion: Conversion, map: YAMLMap, path: Path): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  const seen = new Set<string>();
  for (const pair of map.items as Pair<Node, Node | null>[]) {
    const offset = pair.key?.range?.[0] ?? map.range?.[0] ?? 0;
    const name = isScalar(pair.key) && pair.key.value !== null ? (pair.key.source ?? JSON.stringify(pair.key.value)) : undefined;
    const fault = (shown: string, expected: string) =>
      conversion.faults.push({ offset, path: name === undefined ? path : [...path, name], seen: shown, expected });
    if (name === undefined || !isSound(name) || name === "__proto__") fault("a field whose name cannot be used", "a word as the name of a field");
    else if (seen.has(name)) fault(`the field ${name} a second time`, "each field once");
    else {
      seen.add(name);
      const at = [...path, name];
      conversion.positions.set(at, "key", offset);
      value[name] = valueOf(conversion, pair.value, at);
    }
  }
  return value;
}

/** Postgres stores no NUL, and a lone surrogate has no UTF-8 form. */
const isSound = (text: string): boolean => !text.includes("\0") && text.isWellFormed();
