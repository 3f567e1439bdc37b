import { digestOf, type Json } from "#src/kernel/canonical-json.ts";
import type { Trust } from "#src/policy/trust.ts";

export const LAYERS = ["sop", "skill", "voice", "history", "entity", "lesson", "memory"] as const;
export type Layer = (typeof LAYERS)[number];
/** Layers that are read from the workspace; lessons and memories are kept in the record. */
export type FileLayer = Exclude<Layer, "lesson" | "memory">;

export type Labels = Readonly<Record<string, string>>;

/** One thing that is known. */
export interface BrainItem<L extends Layer = Layer> {
  /** The same file and item keep the same id over every change. */
  readonly id: string;
  readonly layer: L;
  /** A path in the workspace (`brain/history/2025.yaml#leak-0412` where a file holds many items), or the id of a record. */
  readonly source: string;
  readonly title: string;
  /** Markdown. */
  readonly body: string;
  /** What else a person may look for it by: trigger phrases, aliases. */
  readonly phrases: readonly string[];
  /** What the file says besides: cost, vendor, thresholds. */
  readonly data: { readonly [key: string]: Json | undefined };
  readonly labels: Labels;
  readonly categories: readonly string[];
  /** Who may recall it: only a query that names this scope. */
  readonly scope: string;
  readonly trust: Trust;
  readonly author: string | null;
  readonly language: string | null;
  readonly happenedAtMs: number | null;
  readonly expiresAtMs: number | null;
  /** Over everything above. */
  readonly digest: string;
}

/** The scope of everything that the workspace's files say. */
export const WORKSPACE_SCOPE = "workspace";

/** Completes an item: takes out what Postgres cannot store and adds the digest. */
export function sealItem<L extends Layer>(open: Omit<BrainItem<L>, "digest">): BrainItem<L> {
  const item = storable(open);
  return { ...item, digest: digestOf(item as unknown as Json) };
}

/** NUL and lone surrogates have no place in a Postgres text; everything else stays as written. */
function storable<T>(value: T): T {
  if (typeof value === "string") return value.replaceAll("\0", "").toWellFormed() as T;
  if (Array.isArray(value)) return value.map(storable) as T;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [storable(key), storable(member)])) as T;
}

export const labelTag = (key: string, value: string): string => `${key}=${value}`;
export const pairTag = (label: string, category: string): string => `${label} ${category}`;

/** By what the item can be found without a word: each label, each category, each pair of the two. */
export function tagsOf(item: Pick<BrainItem, "labels" | "categories">): string[] {
  const labels = Object.entries(item.labels).map(([key, value]) => labelTag(key, value));
  return [...new Set([...labels, ...item.categories, ...labels.flatMap((label) => item.categories.map((category) => pairTag(label, category)))])];
}
