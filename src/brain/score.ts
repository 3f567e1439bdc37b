import type { Trust } from "#src/policy/trust.ts";
import { cosine } from "./embedder.ts";
import type { Labels } from "./item.ts";
import type { Question } from "./question.ts";
import { substanceOf } from "./words.ts";
import type { Candidate } from "./store/read-candidates.ts";

/** With a vector the meaning counts for more than the words; without one the words are all there is. */
const TEXT_WEIGHT = 0.4;
const MEANING_WEIGHT = 0.6;
/** About the same subject; of the same category. */
const LABEL_BOOST = 0.15;
const CATEGORY_BOOST = 0.1;
/** For each phrase of the item that the question has word for word. */
const PHRASE_BOOST = 0.1;
const MOST_PHRASES = 3;
/** A procedure of the category is the procedure, whatever words it uses; where there is a category, one of another comes after it. */
const PROCEDURE_FLOOR = 0.65;
const OTHER_PROCEDURE_CEILING = 0.7;
/** Cases of the same subject and category count by date: 1, 0.9, 0.8 … and never less than the floor. */
const RECENCY_STEP = 0.1;
const RECENCY_FLOOR = 0.5;
/** An item of many words has some of every question: its share counts less, by the fourth root, beyond this many. */
const FAIR_WORDS = 250;
/** Below this, and with neither subject nor category in common, an item is noise. */
const LOWEST_SCORE = 0.05;
const LOWEST_MEANING = 0.2;
const WORDS_SHOWN = 5;

export interface Asked {
  readonly question: Question;
  readonly labels: Labels;
  readonly categories: readonly string[];
  /** Of the question's text; null where no embedder answered. */
  readonly vector: Float32Array | null;
  /** The phrases that the question has. */
  readonly phraseHits: (phrases: readonly string[]) => string[];
}

export interface Scored {
  readonly candidate: Candidate;
  /** 0 to 1, three decimals. */
  readonly score: number;
  /** In plain words. */
  readonly why: string;
  /** Words in common, the most telling first. */
  readonly words: readonly string[];
}

/** Most trusted first, where all else is equal. */
const BY_TRUST: Readonly<Record<Trust, number>> = { owner: 0, member: 1, learned: 2, agent: 3, tool: 4, outside: 5 };

/** Scores the candidates and gives those worth showing, best first; equal ones by trust, then the newer, then by id. Pure. */
export function scoreAll(candidates: readonly Candidate[], asked: Asked): Scored[] {
  const places = casePlaces(candidates, asked);
  return candidates
    .map((candidate) => scoreOne(candidate, asked, places.get(candidate.id)))
    .filter((scored) => scored !== null)
    .toSorted(
      (a, b) =>
        b.score - a.score ||
        BY_TRUST[a.candidate.trust] - BY_TRUST[b.candidate.trust] ||
        (b.candidate.happenedAtMs ?? 0) - (a.candidate.happenedAtMs ?? 0) ||
        (a.candidate.id < b.candidate.id ? -1 : 1),
    );
}

/** For each case of the same subject and category its place by date, the newest at 0. */
function casePlaces(candidates: readonly Candidate[], asked: Asked): Map<string, number> {
  const cases = candidates
    .filter((one) => one.layer === "history" && sharedLabels(one, asked).length > 0 && sharesCategory(one, asked))
    .toSorted((a, b) => (b.happenedAtMs ?? 0) - (a.happenedAtMs ?? 0) || (a.id < b.id ? -1 : 1));
  return new Map(cases.map((one, place) => [one.id, place]));
}

function scoreOne(candidate: Candidate, asked: Asked, place: number | undefined): Scored | null {
  const words = asked.question.words.filter(({ word }) => candidate.found.includes(word));
  const text = textShare(words, asked.question.fullWeight, candidate.wordCount);
  const meaning = asked.vector === null || candidate.vector === null ? null : Math.max(0, cosine(asked.vector, candidate.vector));
  const labels = sharedLabels(candidate, asked);
  const category = sharesCategory(candidate, asked);
  const phrases = asked.phraseHits(candidate.phrases);

  const alike = meaning === null ? text : TEXT_WEIGHT * text + MEANING_WEIGHT * meaning;
  const boosts = (labels.length > 0 ? LABEL_BOOST : 0) + (category ? CATEGORY_BOOST : 0) + PHRASE_BOOST * Math.min(MOST_PHRASES, phrases.length);
  const score = place === undefined ? boosted(candidate, alike, { boosts, category, asked }) : Math.max(RECENCY_FLOOR, 1 - RECENCY_STEP * place);
  if (score < LOWEST_SCORE && labels.length === 0 && !category) return null;

  const shown = words.some(({ whole }) => whole) ? words.filter(({ whole }) => whole) : words;
  const common = shown.map(({ word }) => word).toSorted((a, b) => substanceOf(b) - substanceOf(a));
  const why = [sameness(labels, category, place), named(phrases), inCommon(common), closeness(meaning)].filter((part) => part !== "").join("; ");
  return { candidate, score: rounded(score), why, words: common };
}

function boosted(candidate: Candidate, alike: number, sum: { boosts: number; category: boolean; asked: Asked }): number {
  const isProcedure = candidate.layer === "sop" || candidate.layer === "skill";
  if (isProcedure && sum.category) return PROCEDURE_FLOOR + (1 - PROCEDURE_FLOOR) * alike + sum.boosts;
  return isProcedure && sum.asked.categories.length > 0 ? Math.min(OTHER_PROCEDURE_CEILING, alike + sum.boosts) : alike + sum.boosts;
}

function textShare(words: readonly { weight: number }[], fullWeight: number, wordCount: number): number {
  if (fullWeight <= 0) return 0;
  const share = words.reduce((sum, { weight }) => sum + weight, 0) / fullWeight;
  return share * Math.min(1, FAIR_WORDS / Math.max(1, wordCount)) ** 0.25;
}

const sharedLabels = (candidate: Candidate, asked: Asked): string[] => Object.keys(asked.labels).filter((key) => candidate.labels[key] === asked.labels[key]);
const sharesCategory = (candidate: Candidate, asked: Asked): boolean => asked.categories.some((category) => candidate.categories.includes(category));
const rounded = (score: number): number => Math.round(Math.min(1, Math.max(0, score)) * 1000) / 1000;

function sameness(labels: readonly string[], category: boolean, place: number | undefined): string {
  const same = [...labels, ...(category ? ["category"] : [])];
  if (same.length === 0) return "";
  const nth = place === undefined ? "" : place === 0 ? ", the newest such case" : `, number ${place + 1} of such cases by date`;
  return `same ${same.join(" and ")}${nth}`;
}

const named = (phrases: readonly string[]): string => (phrases.length === 0 ? "" : `named in the text: ${phrases.slice(0, WORDS_SHOWN).join(", ")}`);

function inCommon(words: readonly string[]): string {
  if (words.length === 0) return "";
  const more = words.length > WORDS_SHOWN ? " …" : "";
  return `${words.length} ${words.length === 1 ? "word" : "words"} in common: ${words.slice(0, WORDS_SHOWN).join(", ")}${more}`;
}

const closeness = (meaning: number | null): string => (meaning === null || meaning < LOWEST_MEANING ? "" : `close in meaning (${meaning.toFixed(2)})`);
