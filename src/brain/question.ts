import type { Layer } from "./item.ts";
import type { WordCount } from "./store/read-word-counts.ts";
import { type Cut, substanceOf } from "./words.ts";

/** Items of a layer that are brought in for their words, at most: the database needs some 5 µs for each. */
const RANKED_ITEMS = 500;
/** Newest items of a layer that are looked at one by one. */
export const NEWEST_ITEMS = 250;
/** Words that an item is scored by: the most telling. More cost time and change little. */
const SCORED_WORDS = 24;

export interface WeighedWord {
  readonly word: string;
  /** Larger for a word that fewer items have, smaller for a very short one. */
  readonly weight: number;
  /** Cut as a word, and not only a run of characters. */
  readonly whole: boolean;
}

/** What to look for. */
export interface Question {
  /** The most telling first. */
  readonly words: readonly WeighedWord[];
  /** What an item that has every word of the question comes to. */
  readonly fullWeight: number;
  /** For each layer the words that bring an item in. */
  readonly rare: readonly { readonly layer: Layer; readonly words: readonly string[] }[];
  /** Layers whose newest items are looked at one by one: where that is all of them, or where some words are in too many items to rank them all. */
  readonly newest: readonly Layer[];
}

/**
 * Chooses words by how many items have them. A word that no item has brings nothing in, yet it is part of the question: it weighs as much as the others
 * on average. Of runs of characters that no item has, nothing is known to be missing. Pure.
 */
export function questionOf(cut: Cut, layers: readonly Layer[], counts: readonly WordCount[]): Question {
  const table = new Map(counts.map(({ word, layer, items }) => [`${layer} ${word}`, items]));
  const itemsWith = (word: string, layer: Layer): number => table.get(`${layer} ${word}`) ?? 0;
  const total = (word: string): number => layers.reduce((sum, layer) => sum + itemsWith(word, layer), 0);

  const all = total("");
  const weighed = (whole: boolean) => (word: string) => ({ word, whole, items: total(word), weight: rarity(total(word), all) * substanceOf(word) });
  const asked = [...cut.words.map(weighed(true)), ...cut.grams.map(weighed(false))];
  const known = asked.filter(({ items }) => items > 0).toSorted((a, b) => b.weight - a.weight || (a.word < b.word ? -1 : 1));
  const unknown = asked.filter(({ items, whole }) => items === 0 && whole);
  const words = known.slice(0, SCORED_WORDS);
  const knownWeight = words.reduce((sum, { weight }) => sum + weight, 0);
  // Lessons and memories may have words that are not counted yet, so a word that no item seems to have is still looked for.
  const looked = [...words, ...unknown.slice(0, SCORED_WORDS - words.length).map((one) => ({ ...one, weight: knownWeight / Math.max(1, words.length) || 1 }))];
  const fullWeight = knownWeight * (1 + unknown.length / Math.max(1, words.length)) || unknown.length;

  // Not lessons and memories: some of them may not be counted yet.
  const small = layers.filter((layer) => layer !== "lesson" && layer !== "memory" && itemsWith("", layer) <= NEWEST_ITEMS);
  const large = layers.filter((layer) => !small.includes(layer));
  const chosen = large.map((layer) => ({ layer, ...affordable(looked, (word) => itemsWith(word, layer)) }));
  const crowded = chosen.filter(({ full }) => !full).map(({ layer }) => layer);
  const inUse = small.filter((layer) => itemsWith("", layer) > 0);
  return { words: looked, fullWeight, rare: chosen, newest: [...inUse, ...crowded] };
}

/** Inverse document frequency as BM25 has it: near 0 for a word that every item has, never below. */
const rarity = (items: number, all: number): number => Math.log(1 + Math.max(0, all - items + 0.5) / (items + 0.5));

/** The rarest words that together bring in no more than can be ranked. */
function affordable(words: readonly WeighedWord[], itemsWith: (word: string) => number): { words: string[]; full: boolean } {
  const rarestFirst = words.map(({ word }) => ({ word, items: itemsWith(word) })).toSorted((a, b) => a.items - b.items);
  let left = RANKED_ITEMS;
  const taken = rarestFirst.filter(({ items }) => (left -= items) >= 0);
  return { words: taken.map(({ word }) => word), full: taken.length === rarestFirst.length };
}
