import { canonicalJson, type Json } from "#src/kernel/canonical-json.ts";
import { type FileSet, placeOf } from "./files.ts";
import { type Fields, isFields, partsOf } from "./power.ts";

export interface Change {
  readonly file: string;
  readonly what: "added" | "removed" | "changed";
  /** Which part, such as `rule big_spend, when.cost.aboveUsd`; empty for the file as a whole. */
  readonly path: string;
  /** Before and after as the file says them; null where there was or is nothing, and for texts, whose change `words` counts. */
  readonly before: Json;
  readonly after: Json;
  /** The whole change as a sentence. */
  readonly words: string;
}

export interface Difference {
  readonly power: readonly Change[];
  readonly live: readonly Change[];
}

/** What has changed between two sets of files, apart by kind, in order of path. Changes of layout and comments are no changes. */
export function difference(before: FileSet, after: FileSet): Difference {
  const power: Change[] = [];
  const live: Change[] = [];
  for (const path of [...new Set([...before.keys(), ...after.keys()])].toSorted()) {
    const [old, now] = [before.get(path), after.get(path)];
    if (old !== undefined && now !== undefined && Buffer.compare(old, now) === 0) continue;
    if (placeOf(path) === "definedService") continue; // its code is what a person changes
    const oldParts = old === undefined ? NOTHING : partsOf(path, old);
    const nowParts = now === undefined ? NOTHING : partsOf(path, now);
    power.push(...changes(path, oldParts.power, nowParts.power));
    live.push(...changes(path, oldParts.live, nowParts.live));
  }
  return { power, live };
}

const NOTHING = { power: undefined, live: undefined };

function changes(file: string, before: Json | undefined, after: Json | undefined): Change[] {
  if (before === undefined && after === undefined) return [];
  if (before === undefined) return [{ file, what: "added", path: "", before: null, after: after!, words: `${file} is new` }];
  if (after === undefined) return [{ file, what: "removed", path: "", before, after: null, words: `${file} is gone` }];
  return compare([], before, after).map((leaf) => toChange(file, leaf));
}

interface Leaf {
  readonly path: readonly string[];
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

/** The smallest parts that differ. Items of a list are matched by their id or name where they all have one, so that a moved rule is no change of all. */
function compare(path: readonly string[], before: Json | undefined, after: Json | undefined): Leaf[] {
  if (before === undefined || after === undefined) return before === after ? [] : [{ path, before, after }];
  if (canonicalJson(before) === canonicalJson(after)) return [];
  if (isFields(before) && isFields(after)) return union(before, after).flatMap((name) => compare([...path, name], own(before, name), own(after, name)));
  const [oldItems, newItems] = [namedItems(before), namedItems(after)];
  if (oldItems === undefined || newItems === undefined) return [{ path, before, after }];
  const what = singular(path.at(-1) ?? "item");
  const inside = union(oldItems, newItems).flatMap((name) => compare([...path.slice(0, -1), `${what} ${name}`], own(oldItems, name), own(newItems, name)));
  return inside.length > 0 ? inside : [{ path: [...path, "order"], before: Object.keys(oldItems), after: Object.keys(newItems) }];
}

/** A file may call a field `constructor`. */
const own = (fields: Fields, name: string): Json | undefined => (Object.hasOwn(fields, name) ? fields[name] : undefined);

const union = (a: object, b: object): string[] => [...new Set([...Object.keys(a), ...Object.keys(b)])];

const singular = (word: string): string => word.replace(/s$/, "");

function namedItems(value: Json): Record<string, Json> | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const items: Record<string, Json> = {};
  for (const item of value as readonly Json[]) {
    const name = isFields(item) ? (item["id"] ?? item["name"]) : undefined;
    if (typeof name !== "string" || Object.hasOwn(items, name)) return undefined;
    items[name] = item;
  }
  return items;
}

function toChange(file: string, { path, before, after }: Leaf): Change {
  const where = pathWords(path);
  const what = before === undefined ? "added" : after === undefined ? "removed" : "changed";
  const isText = path.at(-1) === "text" || path.at(-1) === "digest";
  const values = isText ? { before: null, after: null } : { before: before ?? null, after: after ?? null };
  return { file, what, path: where, ...values, words: `${file}: ${words({ path, before, after }, where)}` };
}

/** `["rule big_spend", "when", "cost"]` as `rule big_spend, when.cost`: a named item is set off by a comma. */
const pathWords = (path: readonly string[]): string =>
  path.reduce((text, part, index) => (index === 0 ? part : `${text}${path[index - 1]!.includes(" ") || part.includes(" ") ? ", " : "."}${part}`), "");

const SHOWN_CHARACTERS = 120;

function shown(value: Json): string {
  const text = canonicalJson(value);
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}

function words({ path, before, after }: Leaf, where: string): string {
  if (path.at(-1) === "digest" && path.length === 1) return "the content changed";
  if (path.at(-1) === "text" && typeof before === "string" && typeof after === "string") return `the text changed (${lineCounts(before, after)})`;
  if (before === undefined) return `${where} is new: ${shown(after!)}`;
  if (after === undefined) return `${where} is gone; it was ${shown(before)}`;
  const inList = listWords(before, after);
  if (inList !== undefined) return `${where}: ${inList}`;
  return where === "" ? `changed from ${shown(before)} to ${shown(after)}` : `${where} changed from ${shown(before)} to ${shown(after)}`;
}

/** Of a list that is too long to be shown whole, what came and what went. */
function listWords(before: Json, after: Json): string | undefined {
  if (!Array.isArray(before) || !Array.isArray(after) || Math.max(canonicalJson(before).length, canonicalJson(after).length) <= SHOWN_CHARACTERS)
    return undefined;
  const without = (items: readonly Json[], others: readonly Json[]): Json[] => {
    const known = new Set(others.map(canonicalJson));
    return items.filter((item) => !known.has(canonicalJson(item)));
  };
  const [came, went] = [without(after, before), without(before, after)];
  if (came.length + went.length === 0) return "the same items, in another order or number";
  return [...(came.length > 0 ? [`added ${shown(came)}`] : []), ...(went.length > 0 ? [`removed ${shown(went)}`] : [])].join(", ");
}

function lineCounts(before: string, after: string): string {
  const counts = new Map<string, number>();
  for (const line of before.split("\n")) counts.set(line, (counts.get(line) ?? 0) + 1);
  let added = 0;
  for (const line of after.split("\n")) {
    const left = counts.get(line) ?? 0;
    if (left === 0) added += 1;
    else counts.set(line, left - 1);
  }
  const removed = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return added + removed === 0 ? "lines moved" : `${added} lines added, ${removed} removed`;
}
