import type { Act } from "#src/acts/act.ts";
import { endAct } from "#src/acts/store/end.ts";
import type { Transaction } from "#src/database/open.ts";
import { prepareEvent } from "#src/journal/event.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { runEvent, type Session } from "../session.ts";
import { LeaseLost } from "../store/hold.ts";

interface InnerEnd {
  readonly act: Act;
  readonly attempt: number;
  readonly state: "done" | "waiting";
  readonly result: Json | null;
  readonly handle: Json | null;
}

/** Records the outcome of an act whose effect is in this database, in the same commit as the effect. @throws LeaseLost */
export async function endInMove(tx: Transaction, session: Session, { act, attempt, state, result, handle }: InnerEnd): Promise<void> {
  const payload = { act: act.id, kind: act.kind, name: act.name, attempt, result: result ?? undefined };
  const event = prepareEvent(runEvent(session, state === "done" ? "act.done" : "act.waiting", payload), session.engine.clock.nowMs());
  const end = { act, lease: session.lease, attempt, state, result, error: null, handle, event, late: event, settlement: null, message: null, planned: [] };
  const { moved } = await endAct(tx, end);
  if (!moved) throw new LeaseLost(`the outcome of ${act.id} came late`);
}
