import { type Db, inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { AskId } from "#src/kernel/ids.ts";
import { wake } from "#src/leases/store/wake.ts";
import type { Approvers, Ask, ExpiryStep } from "./ask.ts";
import { dueAskIds, stepOf, takeStep } from "./store/expire.ts";
import { requireAsk } from "./store/read.ts";

/** Takes every step that is due: reminds, escalates or fails. Safe to call from many processes at once. Gives how many steps it took. */
export async function expireDueAsks(db: Db, clock: Clock): Promise<number> {
  let taken = 0;
  for (const askId of await dueAskIds(db)) if (await takeDueStep(db, clock, askId)) taken += 1;
  return taken;
}

async function takeDueStep(db: Db, clock: Clock, askId: AskId): Promise<boolean> {
  const asked = await requireAsk(db, askId);
  return inTransaction(db, async (tx) => {
    if (asked.runId) await wake(tx, [asked.runId]);
    const step = await stepOf(tx, askId);
    const due = asked.expiry[step];
    if (due === undefined) return false;
    const won = await takeStep(tx, {
      askId,
      step,
      state: due.do === "fail" ? "expired" : "open",
      approvers: due.do === "escalate" ? widened(asked.approvers, due.to) : asked.approvers,
      nextAfterMs: due.do === "fail" ? null : (asked.expiry[step + 1]?.afterMs ?? null),
    });
    failpoint("ask.step_taken");
    if (won) await append(tx, clock, [stepEvent(asked, due)]);
    return won;
  });
}

const widened = (before: Approvers, more: Approvers): Approvers => ({
  ...before,
  roles: [...new Set([...before.roles, ...more.roles])],
  names: [...new Set([...before.names, ...more.names])],
  ...(before.groups || more.groups ? { groups: [...new Set([...(before.groups ?? []), ...(more.groups ?? [])])] } : {}),
});

const KIND_OF_STEP = { remind: "ask.reminded", escalate: "ask.escalated", fail: "ask.expired" } as const;

function stepEvent(ask: Ask, step: ExpiryStep) {
  return {
    kind: KIND_OF_STEP[step.do],
    actor: "system",
    ...(ask.runId ? { runId: ask.runId } : {}),
    ...(ask.ticketId ? { ticketId: ask.ticketId } : {}),
    payload: {
      ask: ask.id,
      afterMs: step.afterMs,
      ...(step.do === "escalate" ? { to: { roles: step.to.roles, names: step.to.names, ...(step.to.groups ? { groups: step.to.groups } : {}) } } : {}),
    },
  };
}
