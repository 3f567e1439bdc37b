import type { Transaction } from "#src/database/open.ts";
import type { Id } from "#src/kernel/ids.ts";
import { indexed } from "./indexed.ts";
import { type BrainItem, sealItem } from "./item.ts";
import { countWords } from "./store/count-words.ts";
import { deleteItems } from "./store/delete-items.ts";
import { insertItems } from "./store/insert-items.ts";
import { lockIndex, nextVersion } from "./store/lock-index.ts";
import { readExpired } from "./store/read-expired.ts";

/** A decision or lesson, in words of its own, never a raw request. `source` is the record that it was learned from; `scope` has no default, the narrowest that serves is right. */
export interface NewLesson extends Omit<BrainItem<"lesson">, "id" | "layer" | "digest" | "phrases"> {
  readonly id: Id<"lsn">;
}

/** Keeps a lesson. Waits for nobody, and false when the id is kept already, so it is safe to call twice. */
export async function rememberLesson(tx: Transaction, lesson: NewLesson): Promise<boolean> {
  const item = sealItem<"lesson">({ ...lesson, layer: "lesson", phrases: [] });
  return (await insertItems(tx, [indexed(item)], "aFew")) === 1;
}

/** Takes a lesson back; false when there is none of this id. What files say is forgotten by editing the files. */
export async function forget(tx: Transaction, id: string): Promise<boolean> {
  return (await forgetAll(tx, [id])) === 1;
}

/** Removes lessons whose time is over (recall leaves them out before that), and counts the words of new ones, which keeps questions fast. Gives how many; call again while it is not 0. */
export async function forgetExpired(tx: Transaction): Promise<number> {
  return forgetAll(tx, await readExpired(tx));
}

/** Removes items that only the record has, with words, tags and vectors. Gives how many there were. */
export async function forgetAll(tx: Transaction, ids: readonly string[]): Promise<number> {
  await lockIndex(tx);
  await countWords(tx);
  if (ids.length === 0) return 0;
  const forgotten = await deleteItems(tx, ids, "kept");
  if (forgotten > 0) await nextVersion(tx);
  return forgotten;
}
