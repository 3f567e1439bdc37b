import type { Db, Transaction } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { Trust } from "#src/policy/trust.ts";
import { type BrainEmbedder, embedAll } from "./embedder.ts";
import { exactScan } from "./exact-scan.ts";
import { type Labels, type Layer, LAYERS, labelTag, pairTag } from "./item.ts";
import { NEWEST_ITEMS, type Question, questionOf } from "./question.ts";
import { type Scored, scoreAll } from "./score.ts";
import { snippetOf } from "./snippet.ts";
import { findByTags } from "./store/find-by-tags.ts";
import { findByWords } from "./store/find-by-words.ts";
import { findNewest } from "./store/find-newest.ts";
import { readCandidates } from "./store/read-candidates.ts";
import { readWordCounts } from "./store/read-word-counts.ts";
import { cutText, phraseFinder } from "./words.ts";

export interface BrainQuery {
  /** What the sender wrote, in any language; its first 8,000 characters count. */
  readonly text: string;
  /** What it is about, normally the one label of the subject, such as `property`. */
  readonly labels: Labels;
  readonly categories: readonly string[];
  /** Left out: every layer. */
  readonly layers?: readonly Layer[];
  /** What the asker may see; nothing outside these scopes reaches the answer or moves a score. */
  readonly scopes: readonly string[];
  readonly limitPerLayer: number;
  /** Items that happened longer ago are left out; an item without a time is not. */
  readonly maxAgeMs?: number;
  /** Ends the question while the embedder is asked, which has five seconds at most. */
  readonly signal?: AbortSignal;
}

export interface BrainHit {
  readonly id: string;
  readonly layer: Layer;
  readonly title: string;
  /** At most 240 characters. */
  readonly snippet: string;
  readonly source: string;
  /** 0 to 1, three decimals. */
  readonly score: number;
  /** In plain words, such as `same property and category; 2 words in common: socket, dripping`. */
  readonly why: string;
  readonly trust: Trust;
  readonly labels: Labels;
}

export interface Recall {
  /** Layer by layer in the order of `LAYERS`, the best first. */
  readonly hits: readonly BrainHit[];
  /** `off`: no embedder; `unavailable`: it did not answer, so words alone had to do. */
  readonly meaning: "used" | "off" | "unavailable";
}

const QUERY_CHARACTERS = 8_000;
const QUERY_WORDS = 256;
const QUERY_TAGS = 16;
const EMBED_TIMEOUT_MS = 5_000;
const A_THOUSAND_YEARS_MS = 31_556_952_000_000;
/** The most telling words choose the candidates, all of them score; the database spends most of its time here. */
const RANKING_WORDS = 12;
/** Of one source, so that nobody fills an answer by writing much. History files hold many cases by design. */
const HITS_OF_A_SOURCE = 2;

/**
 * What is known that fits. Words, labels and categories always; meaning where there is an embedder. Without one the same index gives the same answer,
 * digit for digit. A failing embedder is no failure here.
 */
export async function retrieve(db: Db | Transaction, query: BrainQuery, embedder?: BrainEmbedder): Promise<Recall> {
  const layers = LAYERS.filter((layer) => query.layers?.includes(layer) ?? true);
  const cut = cutText(query.text.slice(0, QUERY_CHARACTERS), QUERY_WORDS);
  const [meaning, counts] = await Promise.all([
    meaningOf(query, embedder),
    readWordCounts(db, { words: [...cut.words, ...cut.grams], layers, scopes: query.scopes }),
  ]);
  const vector = typeof meaning === "string" ? null : meaning;
  const question = questionOf(cut, layers, counts);
  const ids = await findIds(db, { query, layers, question, near: vector && embedder ? { vector, embedder } : null });
  const words = question.words.map(({ word }) => word);
  const candidates = await readCandidates(db, { ids, layers, words, embedder: vector ? (embedder?.id ?? null) : null, ...sightOf(query) });
  const { labels, categories } = query;
  const scored = scoreAll(candidates, { question, labels, categories, vector, phraseHits: phraseFinder(query.text.slice(0, QUERY_CHARACTERS)) });
  const hits = layers.flatMap((layer) => best(scored, layer, query.limitPerLayer));
  return { hits, meaning: typeof meaning === "string" ? meaning : "used" };
}

async function meaningOf(query: BrainQuery, embedder: BrainEmbedder | undefined): Promise<Float32Array | "off" | "unavailable"> {
  if (embedder === undefined) return "off";
  const timeout = AbortSignal.timeout(EMBED_TIMEOUT_MS);
  try {
    const signal = query.signal ? AbortSignal.any([query.signal, timeout]) : timeout;
    const [vector] = await embedAll(embedder, [query.text.slice(0, QUERY_CHARACTERS)], signal);
    return vector!;
  } catch (error) {
    const failed = timeout.aborted || (error instanceof LoopError && error.code === "embedder_unavailable");
    if (failed && query.signal?.aborted !== true) return "unavailable"; // the answer says so
    throw error;
  }
}

interface Search {
  readonly query: BrainQuery;
  readonly layers: readonly Layer[];
  readonly question: Question;
  readonly near: { readonly vector: Float32Array; readonly embedder: BrainEmbedder } | null;
}

/** One after the other: within a transaction there is one connection. */
async function findIds(db: Db | Transaction, search: Search): Promise<string[]> {
  const { query, layers, question, near } = search;
  const sight = sightOf(query);
  const limitPerLayer = Math.max(16, query.limitPerLayer * 3); // what the database ranks below the limit may score higher for its label or meaning
  const words = question.words.map(({ word }) => word);
  const ranking = words.slice(0, RANKING_WORDS);
  const byWords = await findByWords(db, { ...sight, layers: question.rare, ranking, limitPerLayer });
  const newest = await findNewest(db, { ...sight, layers: question.newest, words, ranking, window: NEWEST_ITEMS, limitPerLayer });
  const byTags = await findByTags(db, { ...sight, layers, tags: tagsAsked(query), limitPerTag: Math.max(6, query.limitPerLayer) });
  const byMeaning = near === null ? [] : await exactScan(near.embedder).nearest(db, { vector: near.vector, layers, scopes: query.scopes, limitPerLayer });
  return [...new Set([...byWords, ...newest, ...byTags, ...byMeaning])];
}

const sightOf = (query: BrainQuery) => ({ scopes: query.scopes, maxAgeMs: Math.min(query.maxAgeMs ?? A_THOUSAND_YEARS_MS, A_THOUSAND_YEARS_MS) });

/** The pairs first: both in common says more than either. */
function tagsAsked(query: BrainQuery): string[] {
  const labels = Object.entries(query.labels).map(([key, value]) => labelTag(key, value));
  const pairs = labels.flatMap((label) => query.categories.map((category) => pairTag(label, category)));
  return [...new Set([...pairs, ...labels, ...query.categories])].slice(0, QUERY_TAGS);
}

function best(scored: readonly Scored[], layer: Layer, limit: number): BrainHit[] {
  const ofSource = new Map<string, number>();
  const shown = scored.filter(({ candidate }) => {
    if (candidate.layer !== layer) return false;
    const seen = ofSource.get(candidate.source) ?? 0;
    ofSource.set(candidate.source, seen + 1);
    return layer === "history" || seen < HITS_OF_A_SOURCE;
  });
  return shown.slice(0, limit).map(({ candidate, score, why, words }) => {
    const { id, title, source, trust, labels } = candidate;
    return { id, layer, title, snippet: snippetOf(candidate.body, words), source, score, why, trust, labels };
  });
}
