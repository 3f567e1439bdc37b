import { cutText, phraseFinder, phraseHits } from "#src/brain/words.ts";

const MOST_PHRASES = 10;
const SHORTEST_LETTERS = 3;
const SHORTEST_SIGNS = 2;
/** A word that is in one of fifty other texts or more, and in more than one, says little about what this is. */
const EVERYWHERE = 0.02;
/** With fewer texts nobody can tell a word that is everywhere from one that says something. */
const FEWEST_OTHERS = 10;

export interface PhraseSources {
  /** What the SOP of the category goes by. */
  readonly known: readonly string[];
  /** Texts of other categories. */
  readonly others: readonly string[];
  /** Who wrote: the words of a person's own name name nothing else. */
  readonly senders: readonly string[];
  /** One reporter's two messages share that person's way of writing, so only `known` counts. */
  readonly isOneReporter: boolean;
}

/**
 * What all bodies have in common and other categories do not: phrases of the SOP first, then single words, the rarest first. Nothing is made up, so it may
 * be empty. Pure.
 */
export function commonPhrases(bodies: readonly string[], { known, others, senders, isOneReporter }: PhraseSources): string[] {
  const named = inAll(bodies, known);
  if (isOneReporter || others.length < FEWEST_OTHERS) return named.slice(0, MOST_PHRASES);
  const avoided = new Set(senders.flatMap((sender) => cutText(sender).words));
  const told = new Set(named.flatMap((phrase) => cutText(phrase).words));
  const words = cutText(bodies[0] ?? "").words.filter((word) => saysSomething(word) && !avoided.has(word) && !told.has(word));
  const common = inAll(bodies, words);
  const finders = others.map(phraseFinder);
  const counts = new Map<string, number>();
  for (const find of finders) for (const word of find(common)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const count = (word: string): number => counts.get(word) ?? 0;
  const telling = common.filter((word) => count(word) < 2 || count(word) < EVERYWHERE * others.length);
  return [...named, ...telling.toSorted((a, b) => count(a) - count(b) || b.length - a.length || (a < b ? -1 : 1))].slice(0, MOST_PHRASES);
}

const inAll = (bodies: readonly string[], phrases: readonly string[]): string[] =>
  bodies.reduce<string[]>((left, body) => phraseHits(body, left), [...phrases]);

/** Neither a number nor a particle. */
function saysSomething(word: string): boolean {
  if (/\d/u.test(word)) return false;
  const isLetters = /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}]/u.test(word);
  return word.length >= (isLetters ? SHORTEST_LETTERS : SHORTEST_SIGNS);
}
