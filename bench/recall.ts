import { exactScan } from "#src/brain/exact-scan.ts";
import { embedMissing } from "#src/brain/embed-missing.ts";
import type { BrainEmbedder } from "#src/brain/embedder.ts";
import type { BrainItem, FileLayer } from "#src/brain/item.ts";
import { reindex } from "#src/brain/reindex.ts";
import { type BrainQuery, retrieve } from "#src/brain/retrieve.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import { sha256 } from "#src/kernel/canonical-json.ts";
import { brainItem } from "#src/testing/brain-item.ts";
import { bounded, boundedQuantile, type Line, steadily } from "./measure.ts";
import { median, summaryOf } from "./statistics.ts";
import type { World } from "./world.ts";

const DIMENSIONS = 384;
const VOCABULARY = 20_000;
const WORDS_OF_AN_ITEM = 60;
const WORDS_OF_A_QUESTION = 9;
const WORDS_OF_A_TOPIC = 60;
const ITEMS_OF_A_TRANSACTION = 10_000;
const NEAREST = 10;
/** In every item. */
const COMMON = "guest";
/** Most of what is known is history. */
const LAYERS: readonly FileLayer[] = ["history", "history", "history", "history", "history", "history", "voice", "entity", "sop", "skill"];

/** BENCH 9: retrieval by words, labels and vectors together over many items; how near the vector index comes to an exact comparison; and what a word costs that every item has. */
export async function recall(world: World): Promise<Line[]> {
  const random = numbers(7);
  const items = Array.from({ length: world.short ? 20_000 : 100_000 }, (_, index) => itemOf(index, random));
  const embedder = wordEmbedder();
  const { db, close } = await world.fresh(4);
  const storedMs = await stored(db, items, embedder);
  const questions = Array.from({ length: world.short ? 150 : 400 }, () => questionOf(random));
  await retrieve(db, questions[0]!, embedder); // loads the vectors
  const lines = await steadily(
    () => world.insertOnce(20),
    async () => {
      const tookMs = await timed(db, questions, embedder);
      const commonMs = await timed(
        db,
        Array.from({ length: 30 }, () => ({ ...questionOf(random), text: COMMON })),
        embedder,
      );
      const more = { items: items.length, storedMs };
      return [
        boundedQuantile("recall, p95", { samples: tookMs, q: 0.95, unit: "ms", goal: { at: "most", value: 50 }, more }),
        bounded("recall, common word", {
          value: median(commonMs) / median(tookMs),
          unit: "× median",
          goal: { at: "most", value: 5 },
          more: { ...summaryOf(commonMs) },
        }),
      ];
    },
  );
  const shares = await sharesFound(db, { items, questions: questions.slice(0, 60), embedder });
  await close();
  return [
    ...lines,
    bounded("recall, @10 of exact", {
      value: shares.reduce((sum, share) => sum + share, 0) / shares.length,
      unit: "",
      goal: { at: "least", value: 0.95 },
      more: { questions: shares.length },
    }),
  ];
}

async function stored(db: Db, items: readonly BrainItem<FileLayer>[], embedder: BrainEmbedder): Promise<number> {
  const startMs = performance.now();
  for (let until = ITEMS_OF_A_TRANSACTION; until < items.length + ITEMS_OF_A_TRANSACTION; until += ITEMS_OF_A_TRANSACTION) {
    await inTransaction(db, (tx) => reindex(tx, items.slice(0, until)));
  }
  await embedMissing(db, embedder, new AbortController().signal);
  return performance.now() - startMs;
}

async function timed(db: Db, questions: readonly BrainQuery[], embedder: BrainEmbedder): Promise<number[]> {
  const tookMs: number[] = [];
  for (const question of questions) {
    const startMs = performance.now();
    const { hits, meaning } = await retrieve(db, question, embedder);
    tookMs.push(performance.now() - startMs);
    if (hits.length === 0 || meaning !== "used") throw new Error(`a question found ${hits.length} items, meaning ${meaning}`);
  }
  return tookMs;
}

/** For each question: which share of the ten nearest of the largest layer the index finds, against every vector compared at full precision. */
async function sharesFound(
  db: Db,
  { items, questions, embedder }: { items: readonly BrainItem[]; questions: readonly BrainQuery[]; embedder: BrainEmbedder },
): Promise<number[]> {
  const signal = new AbortController().signal;
  const layer = items.filter((item) => item.layer === "history");
  const vectors = await embedder.embed(layer.map(textOf), signal);
  const shares: number[] = [];
  for (const { text, scopes } of questions) {
    const [vector] = await embedder.embed([text], signal);
    const found = await exactScan(embedder).nearest(db, { vector: vector!, layers: ["history"], scopes, limitPerLayer: NEAREST });
    const ranked = vectors.map((other, at) => ({ id: layer[at]!.id, likeness: product(vector!, other) })).toSorted((a, b) => b.likeness - a.likeness);
    const floor = ranked[NEAREST - 1]!.likeness; // as near as the tenth counts as the tenth
    const near = new Set(ranked.filter(({ likeness }) => likeness >= floor).map(({ id }) => id));
    shares.push(found.filter((id) => near.has(id)).length / NEAREST);
  }
  return shares;
}

function product(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += a[at]! * b[at]!;
  return sum;
}

/** Half of the words are of the item's topic, half are any, the frequent ones more often. */
function itemOf(index: number, random: Random): BrainItem<FileLayer> {
  const topic = index % 400;
  const words = [COMMON, ...Array.from({ length: WORDS_OF_AN_ITEM }, (_, at) => (at % 2 === 0 ? topicWord(topic, random) : anyWord(random)))];
  return brainItem(LAYERS[index % LAYERS.length]!, {
    source: `brain/bench/item-${index}.md`,
    title: words.slice(1, 5).join(" "),
    body: words.join(" "),
    labels: { property: `home-${index % 200}` },
    categories: [`category-${topic % 40}`],
    happenedAtMs: Date.UTC(2026, 0, 1) + index * 60_000,
  });
}

function questionOf(random: Random): BrainQuery {
  const topic = Math.floor(random() * 400);
  const words = Array.from({ length: WORDS_OF_A_QUESTION }, (_, at) => (at % 3 === 0 ? anyWord(random) : topicWord(topic, random)));
  return {
    text: [COMMON, ...words].join(" "),
    labels: { property: `home-${Math.floor(random() * 200)}` },
    categories: [`category-${topic % 40}`],
    scopes: ["workspace"],
    limitPerLayer: 5,
  };
}

/** What embedMissing embeds of an item. */
const textOf = (item: BrainItem): string => `${item.title}\n${item.body}`;

const anyWord = (random: Random): string => wordAt(Math.floor(VOCABULARY ** random()) - 1); // by rank as in language: the second half as often as the first
const topicWord = (topic: number, random: Random): string => wordAt((topic * 97 + Math.floor(random() * WORDS_OF_A_TOPIC) * 131) % VOCABULARY);

const SYLLABLES = ["ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "va", "we", "xi", "yo", "zu"];

function wordAt(rank: number): string {
  let [word, rest] = ["", rank + SYLLABLES.length];
  for (; rest > 0; rest = Math.floor(rest / SYLLABLES.length)) word += SYLLABLES[rest % SYLLABLES.length]!;
  return word;
}

type Random = () => number;

/** Numbers that look random and are the same each time. */
function numbers(seed: number): Random {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** A vector for each word, at random; a text is the sum of its words. Texts with words in common are near each other, and no two distances are alike. */
function wordEmbedder(): BrainEmbedder {
  const known = new Map<string, Float32Array>();
  const vectorOfWord = (word: string): Float32Array => {
    let vector = known.get(word);
    if (vector === undefined) {
      const random = numbers(1 + Number.parseInt(sha256(word).slice(0, 7), 16));
      known.set(word, (vector = Float32Array.from({ length: DIMENSIONS }, () => random() - 0.5)));
    }
    return vector;
  };
  const vectorOf = (text: string): Float32Array => {
    const sum = new Float32Array(DIMENSIONS);
    for (const word of text.split(/\s+/)) {
      const vector = vectorOfWord(word);
      for (let at = 0; at < DIMENSIONS; at += 1) sum[at]! += vector[at]!;
    }
    const length = Math.hypot(...sum);
    return sum.map((value) => value / length);
  };
  return {
    id: `bench-${DIMENSIONS}`,
    dimensions: DIMENSIONS,
    embed: (texts, signal) => {
      signal.throwIfAborted();
      return Promise.resolve(texts.map(vectorOf));
    },
  };
}
