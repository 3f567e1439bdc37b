import type { Act } from "#src/acts/act.ts";
import { startAct } from "#src/acts/store/start.ts";
import { prepareEvent } from "#src/journal/event.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { runEvent, type Session } from "../session.ts";
import { LeaseLost } from "../store/hold.ts";

/** Records the intent to perform an act that no budget counts. Gives which attempt it is. @throws LeaseLost */
export async function startFreeAct(session: Session, act: Act, decision: Json): Promise<number> {
  const payload = { act: act.id, kind: act.kind, name: act.name, binding: act.binding, decision };
  const event = prepareEvent(runEvent(session, "act.started", payload), session.engine.clock.nowMs());
  const started = await startAct(session.engine.db, { act, lease: session.lease, decision, event, reservation: null });
  if (started !== "started") throw new LeaseLost(`the act ${act.id} could not be started: ${started}`);
  failpoint(`act.${act.kind}.started`);
  return act.attempts + 1;
}
