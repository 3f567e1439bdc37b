import { append } from "#src/journal/store/append.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { takeMessages } from "#src/tickets/store/thread-messages.ts";
import type { ThreadMessage } from "#src/tickets/thread.ts";
import { entryOf } from "../create.ts";
import { type Made, nextSeq, runEvent, type Session } from "../session.ts";
import { fencedMove } from "../store/hold.ts";
import { insertMessages } from "../store/write.ts";
import { saidIn } from "../turns/said-in.ts";

/** What was said in the thread meanwhile goes into the transcript, between two thoughts and never during one. */
export async function takeUp(session: Session, waiting: readonly ThreadMessage[]): Promise<Made> {
  const { engine, lease, state } = session;
  await fencedMove(engine.db, lease, async (tx) => {
    const ids = waiting.map(({ id }) => id as string);
    const taken = new Set(await takeMessages(tx, state.run.id, ids));
    failpoint("steer.taken");
    const entries = waiting.filter(({ id }) => taken.has(id)).map((message) => entryOf(saidIn(message)));
    const first = nextSeq(state);
    await insertMessages(
      tx,
      state.run.id,
      entries.map((entry, index) => ({ ...entry, seq: first + index })),
    );
    failpoint("steer.transcript");
    await append(tx, engine.clock, [runEvent(session, "run.steered", { messages: [...taken] })]);
  });
  failpoint("steer.committed");
  return { kind: "moved" };
}
