import type { Transaction } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { type IndexedItem, indexed } from "./indexed.ts";
import type { BrainItem, FileLayer } from "./item.ts";
import { countWords } from "./store/count-words.ts";
import { deleteItems } from "./store/delete-items.ts";
import { insertItems } from "./store/insert-items.ts";
import { lockIndex, nextVersion } from "./store/lock-index.ts";
import { readDigests } from "./store/read-digests.ts";
import { settleIndex } from "./store/settle-index.ts";

export interface Reindexed {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  readonly kept: number;
}

const ITEMS_OF_A_STATEMENT = 200;
const BODY_CHARACTERS_OF_A_STATEMENT = 2_000_000;

/**
 * Makes the index of files equal to these items: what has the same id and digest is left alone, vectors included; what is gone is removed. Lessons are
 * not touched. Safe to call twice; calls at the same time wait for each other. @throws LoopError workspace_invalid when two items have one id
 */
export async function reindex(tx: Transaction, items: readonly BrainItem<FileLayer>[]): Promise<Reindexed> {
  requireDistinct(items);
  await lockIndex(tx);
  const known = await readDigests(tx);
  const fresh = items.filter((item) => known.get(item.id) !== item.digest);
  const changed = fresh.filter((item) => known.has(item.id)).map((item) => item.id);
  const present = new Set(items.map((item) => item.id));
  const gone = [...known.keys()].filter((id) => !present.has(id));
  const done = { added: fresh.length - changed.length, changed: changed.length, removed: gone.length, kept: items.length - fresh.length };
  if (fresh.length + gone.length === 0) return done;

  await nextVersion(tx);
  if (changed.length + gone.length > 0) await deleteItems(tx, [...changed, ...gone], "files");
  for (const batch of batches(fresh)) await insertItems(tx, batch, "many");
  await countWords(tx);
  await settleIndex(tx);
  return done;
}

function requireDistinct(items: readonly BrainItem[]): void {
  const seen = new Set<string>();
  for (const { id, source } of items) {
    if (seen.has(id)) {
      throw new LoopError("workspace_invalid", `${source} stands for two things. Give each item of a file an id of its own.`, { facts: { source } });
    }
    seen.add(id);
  }
}

/** Cut into words as they are taken, so that a large workspace is never held twice. */
function* batches(items: readonly BrainItem[]): Generator<IndexedItem[]> {
  let batch: IndexedItem[] = [];
  let characters = 0;
  for (const item of items) {
    batch.push(indexed(item));
    characters += item.body.length;
    if (batch.length < ITEMS_OF_A_STATEMENT && characters < BODY_CHARACTERS_OF_A_STATEMENT) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
}
