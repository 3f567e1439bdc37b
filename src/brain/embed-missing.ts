import { inTransaction, type Db } from "#src/database/open.ts";
import { type BrainEmbedder, embedAll, packed } from "./embedder.ts";
import { nextVersion } from "./store/lock-index.ts";
import { insertVectors, readUnembedded, type UnembeddedItem } from "./store/vectors.ts";

const TEXTS_OF_A_CALL = 64;

/**
 * Gives every item a vector of this embedder, a batch at a time; each batch stays, whatever happens to the next. An item that changes meanwhile is left
 * for the next call. Gives how many vectors were written. @throws LoopError embedder_unavailable, and the reason of the signal
 */
export async function embedMissing(db: Db, embedder: BrainEmbedder, signal: AbortSignal): Promise<number> {
  let written = 0;
  let after = "";
  for (;;) {
    signal.throwIfAborted();
    const items = await readUnembedded(db, { embedder: embedder.id, after, limit: TEXTS_OF_A_CALL });
    if (items.length === 0) return written;
    written += await embedBatch(db, { embedder, items, signal });
    after = items.at(-1)!.id;
  }
}

async function embedBatch(db: Db, batch: { embedder: BrainEmbedder; items: readonly UnembeddedItem[]; signal: AbortSignal }): Promise<number> {
  const { embedder, items, signal } = batch;
  const vectors = await embedAll(
    embedder,
    items.map((item) => item.text),
    signal,
  );
  const news = items.map((item, at) => ({ itemId: item.id, digest: item.digest, ...packed(vectors[at]!) }));
  return inTransaction(db, async (tx) => insertVectors(tx, { embedder: embedder.id, version: await nextVersion(tx), vectors: news }));
}
