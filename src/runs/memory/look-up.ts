import type { Memory } from "#src/brain/memory.ts";
import { listMemories, memoryById, type MemoryQuery, type Telling, tellingsOf } from "#src/brain/store/memories.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { PrincipalId } from "#src/kernel/ids.ts";
import { forgetMemories } from "./forget.ts";

/** In the order in which they were remembered; of those about a person only the viewer's own. */
export const memoriesFor = (db: Db, query: MemoryQuery): Promise<Memory[]> => listMemories(db, query);

export const isOwn = ({ scope }: Memory, who: PrincipalId): boolean => scope.kind === "person" && scope.of === who;

/** A memory with who was told it. That of another person is not there. @throws LoopError memory_unknown */
export async function storyOfMemory(db: Db, id: string, viewer: PrincipalId): Promise<{ memory: Memory; tellings: Telling[] }> {
  const memory = await memoryById(db, id);
  if (!memory || (memory.scope.kind === "person" && !isOwn(memory, viewer))) throw unknownMemory(id);
  return { memory, tellings: await tellingsOf(db, id) };
}

/** Deletes a memory for good. Whoever may control runs may forget any; a person what is remembered about them. @throws LoopError memory_unknown | permission_missing */
export async function forgetMemory(
  db: Db,
  clock: Clock,
  given: { readonly id: string; readonly by: PrincipalId; readonly requireRight: (memory: Memory) => void },
): Promise<void> {
  const memory = await memoryById(db, given.id);
  if (!memory) throw unknownMemory(given.id);
  given.requireRight(memory);
  const gone = await inTransaction(db, (tx) => forgetMemories(tx, clock, { memories: [memory], by: given.by, why: "asked" }));
  if (!gone) throw unknownMemory(given.id);
}

/** What there is to say of an id that nothing has, or that the asker may not know of. */
export const unknownMemory = (id: string): LoopError =>
  new LoopError(
    "memory_unknown",
    `There is no memory ${id.slice(0, 80)} that you may see: it was never there, or it is forgotten. \`loop memory list\` lists those there are.`,
    {
      facts: { memory: id.slice(0, 80) },
    },
  );
