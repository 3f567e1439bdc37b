import { type BrainItem, tagsOf } from "./item.ts";
import { cutText } from "./words.ts";

/** Distinct words that an item is found by. With the longest words this stays below the megabyte beyond which Postgres garbles a tsvector without a word. */
const WORDS_OF_AN_ITEM = 4_000;

/** An item as the statements take it: one JSON object a row. */
export interface IndexedItem {
  readonly id: string;
  readonly layer: string;
  readonly source: string;
  readonly title: string;
  readonly body: string;
  readonly phrases: readonly string[];
  readonly data: BrainItem["data"];
  readonly labels: BrainItem["labels"];
  readonly categories: readonly string[];
  readonly scope: string;
  readonly trust: string;
  readonly author: string | null;
  readonly language: string | null;
  readonly digest: string;
  readonly happened_at: string | null;
  readonly expires_at: string | null;
  readonly words: readonly string[];
  readonly tags: readonly string[];
}

export function indexed(item: BrainItem): IndexedItem {
  const { happenedAtMs, expiresAtMs, ...same } = item;
  return {
    ...same,
    happened_at: time(happenedAtMs),
    expires_at: time(expiresAtMs),
    words: wordsToFind(item),
    tags: tagsOf(item),
  };
}

const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** Title and phrases first: what a very long body has beyond the limit is not found. */
function wordsToFind(item: BrainItem): string[] {
  const names = [item.title, ...item.phrases, ...item.categories, ...Object.values(item.labels)];
  const { words, grams, characters } = cutText([...names, item.body].join("\n"), WORDS_OF_AN_ITEM);
  return [...new Set([...words, ...characters, ...grams])].slice(0, WORDS_OF_AN_ITEM);
}
