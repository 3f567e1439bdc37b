import { failpoint } from "#src/kernel/failpoint.ts";
import { setTimer } from "#src/leases/store/timers.ts";
import type { Made, Session } from "../session.ts";
import { LeaseLost } from "../store/hold.ts";

/** Nothing to do before the next wake, or before this time. */
export async function park(session: Session, untilMs: number | undefined, cause = "wait"): Promise<Made> {
  const { engine, lease, state } = session;
  if (untilMs !== undefined) {
    await setTimer(engine.db, { runId: state.run.id, dueAtMs: untilMs, cause });
    failpoint("park.timer");
  }
  if (!(await engine.parks.park(lease))) throw new LeaseLost(`the lease ${lease.fence} on ${state.run.id} is gone`);
  failpoint("park.committed");
  return { kind: "parked" };
}
