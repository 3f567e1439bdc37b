import type { BrainEmbedder } from "#src/brain/embedder.ts";
import { type Memory, type MemoryScope, scopeKey } from "#src/brain/memory.ts";
import { retrieve } from "#src/brain/retrieve.ts";
import { memoriesIn, newestMemories } from "#src/brain/store/memories.ts";
import type { Db } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { isUntrusted, type Trust, worstOf } from "#src/policy/trust.ts";

export const MEMORY_RECALL = "memory.recall";
const MOST = 5;
/** Of one run that strangers had a word in, so that nobody fills what is recalled by having much remembered. */
const MOST_UNTRUSTED_OF_A_RUN = 2;

/** Enough that what one run had remembered does not hide what stands before it. */
const NEWEST = 20;

/** A memory as a run is given it. */
export interface Recalled {
  readonly id: string;
  readonly kind: string;
  readonly about: string | null;
  readonly text: string;
  readonly source: { readonly run: string; readonly ticket: string | null };
  readonly trust: Trust;
  /** A stranger may have had a word in it. */
  readonly untrusted: boolean;
  readonly taint: readonly Trust[];
  readonly sawPrivate: boolean;
  /** Null: not by what it says, but because it is among the newest. */
  readonly score: number | null;
  readonly why: string;
}

/** What a scope remembers that fits the text, the best first, then the newest of the rest; five at most, and of what one run had from strangers two. */
export async function recallFrom(
  db: Db,
  embedder: BrainEmbedder | undefined,
  asked: { readonly scope: MemoryScope; readonly text: string; readonly signal: AbortSignal },
): Promise<{ memories: Recalled[]; meaning: Json }> {
  const key = scopeKey(asked.scope);
  const query = { text: asked.text, labels: {}, categories: [], layers: ["memory"] as const, scopes: [key], limitPerLayer: MOST, signal: asked.signal };
  const { hits, meaning } = await retrieve(db, query, embedder);
  const found = new Map(
    (
      await memoriesIn(
        db,
        key,
        hits.map(({ id }) => id),
      )
    ).map((memory) => [memory.id as string, memory]),
  );
  const fitting = hits.flatMap(({ id, score, why }) => {
    const memory = found.get(id);
    return memory ? [shown(memory, { score, why: withoutWords(why) })] : [];
  });
  const newest = (await newestMemories(db, key, NEWEST)).filter(({ id }) => !found.has(id));
  const others = newest.map((memory) => shown(memory, { score: null, why: `among the newest of this ${asked.scope.kind}` }));
  return { memories: withoutFloods([...fitting, ...others]).slice(0, MOST), meaning };
}

function withoutFloods(recalled: readonly Recalled[]): Recalled[] {
  const seen = new Map<string, number>();
  return recalled.filter(({ untrusted, source }) => {
    if (!untrusted) return true;
    const times = (seen.get(source.run) ?? 0) + 1;
    seen.set(source.run, times);
    return times <= MOST_UNTRUSTED_OF_A_RUN;
  });
}

/** The reason outlives the memory in evidence, so it says how many words were common and not which. */
const withoutWords = (why: string): string => why.replace(/(in common|named in the text): [^;]*/gu, "$1");

function shown({ id, kind, about, text, source, taint, sawPrivate }: Memory, by: { score: number | null; why: string }): Recalled {
  const { run, ticket } = source;
  return { id, kind, about, text, source: { run, ticket }, trust: worstOf(taint), untrusted: isUntrusted(taint), taint, sawPrivate, ...by };
}
