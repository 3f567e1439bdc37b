import { forgetAll } from "#src/brain/lessons.ts";
import { scopeKey } from "#src/brain/memory.ts";
import { answeredMemories, lockScope, memoriesIn, memoryById } from "#src/brain/store/memories.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { forgetMemories } from "./forget.ts";
import { keep, KEEP_BOTH, KEEP_NEW } from "./remember.ts";

/** Does what people said about memories that contradict others. Without an answer the old ones stand. Level-triggered: safe to call late and twice. */
export async function settleQuestioned(db: Db, clock: Clock): Promise<void> {
  for (const { memory: id } of await answeredMemories(db, null)) {
    const memory = await memoryById(db, id);
    if (!memory) continue; // its time is over, and the chore that deletes takes it
    await inTransaction(db, async (tx) => {
      const key = scopeKey(memory.scope);
      await lockScope(tx, key);
      const [settled] = await answeredMemories(tx, id);
      if (!settled) return; // another process was first
      failpoint("memory.answer_read");
      if (settled.answer !== KEEP_NEW && settled.answer !== KEEP_BOTH) {
        await forgetMemories(tx, clock, { memories: [memory], by: "system", why: "not kept" });
        return;
      }
      const against = settled.answer === KEEP_NEW ? await memoriesIn(tx, key, memory.against) : [];
      await forgetAll(tx, [id]); // it moves to where it is recalled
      failpoint("memory.moved");
      await keep(tx, clock, { memory, against });
    });
    failpoint("memory.settled");
  }
}
