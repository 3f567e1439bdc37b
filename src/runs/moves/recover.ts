import type { Act } from "#src/acts/act.ts";
import { endAct } from "#src/acts/store/end.ts";
import { moveAct } from "#src/acts/store/plan.ts";
import type { Ask, NewAsk } from "#src/asks/ask.ts";
import { openAsk } from "#src/asks/store/open.ts";
import { prepareEvent } from "#src/journal/event.ts";
import { append } from "#src/journal/store/append.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { type AskId, newId } from "#src/kernel/ids.ts";
import { moveTicket } from "#src/tickets/store/move.ts";
import { type Made, runEvent, type Session } from "../session.ts";
import { fencedMove } from "../store/hold.ts";
import { performActs } from "./perform.ts";

const HAPPENED = "it happened";
const AGAIN = "do it again";
const GIVE_UP = "give up";

/** A crash came between intent and outcome of an act that cannot be looked up: only a person knows. */
export async function askIfHappened(session: Session, act: Act): Promise<Made> {
  const { engine, lease, state } = session;
  const ask = unknownAsk(session, act);
  const payload = { act: act.id, kind: act.kind, name: act.name, attempt: act.attempts, ask: ask.id };
  const event = prepareEvent(runEvent(session, "act.unknown", payload), engine.clock.nowMs());
  await fencedMove(engine.db, lease, async (tx) => {
    await endAct(tx, {
      act,
      lease,
      attempt: act.attempts,
      state: "unknown",
      result: null,
      error: null,
      handle: null,
      event,
      late: event,
      settlement: null,
      message: null,
      planned: [],
    });
    failpoint("recover.unknown");
    await openAsk(tx, ask);
    failpoint("recover.ask_opened");
    await moveAct(tx, { act, to: "unknown", askId: ask.id });
    if (state.ticket) await moveTicket(tx, state.ticket.id, { status: "awaiting_human" });
    await append(tx, engine.clock, [runEvent(session, "ask.opened", { ask: ask.id, act: act.id, kind: ask.kind, purpose: ask.purpose, prompt: ask.prompt })]);
  });
  failpoint("recover.committed");
  return { kind: "moved" };
}

function unknownAsk(session: Session, act: Act): NewAsk {
  const { run } = session.state;
  return {
    id: newId("ask", session.engine.clock.nowMs()) as AskId,
    kind: "choice",
    purpose: "unknown",
    runId: run.id,
    actId: act.id,
    ticketId: run.ticketId,
    prompt: `The server stopped while it did this: ${act.kind} ${act.name}. Did it happen? Look at the other side before you answer.`,
    detail: { kind: act.kind, name: act.name, args: act.args, attempt: act.attempts, key: act.key },
    options: [HAPPENED, AGAIN, GIVE_UP],
    approvers: { roles: ["operator", "approver", "admin", "owner"], names: [] },
    quorum: 1,
    binding: act.binding,
    rule: null,
    expiry: [],
    revision: session.current.revision,
  };
}

/** What the person said of an act whose effect was unknown. */
export async function settleUnknown(session: Session, act: Act, ask: Ask): Promise<Made> {
  if (ask.state === "answered" && ask.answer === AGAIN) return performActs(session, [act]);
  const { engine, lease } = session;
  const happened = ask.state === "answered" && ask.answer === HAPPENED;
  const result: Json = { happened, saidBy: ask.settledBy, ask: ask.id };
  await fencedMove(engine.db, lease, async (tx) => {
    await moveAct(tx, { act, to: happened ? "done" : "cancelled", result });
    failpoint("recover.settled");
    await append(tx, engine.clock, [
      runEvent(session, happened ? "act.done" : "act.cancelled", { act: act.id, kind: act.kind, name: act.name, ask: ask.id, result }),
    ]);
  });
  failpoint("recover.settlement_committed");
  return { kind: "moved" };
}
