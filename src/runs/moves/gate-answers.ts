import type { Act } from "#src/acts/act.ts";
import { approvalFor, type Verdict } from "#src/acts/gate.ts";
import { moveAct, planActs } from "#src/acts/store/plan.ts";
import type { Ask, NewAsk } from "#src/asks/ask.ts";
import { openAsk } from "#src/asks/store/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { moveTicket } from "#src/tickets/store/move.ts";
import type { TicketStatus } from "#src/tickets/ticket.ts";
import { type Made, runEvent, type Session } from "../session.ts";
import { fencedMove } from "../store/hold.ts";

/** Policy wants a person: the act waits for the answer, the ticket shows it. */
export async function askForAct(session: Session, act: Act, verdict: Extract<Verdict, { kind: "ask" }>): Promise<Made> {
  const { run, ticket, messages } = session.state;
  const spoken = messages.filter(({ role, name, trust }) => role === "input" && name === null && (trust === "owner" || trust === "member")); // of this turn, not of those before
  const speakers = [...new Set(spoken.map(({ source }) => source))];
  const requestedBy = run.limits.requestedBy ?? ticket?.senderPrincipalId ?? undefined;
  const place = { ticketId: run.ticketId, requestedBy, speakers, revision: session.current.revision, nowMs: session.engine.clock.nowMs() };
  const ask = approvalFor({ act, asked: verdict.asked, ...place });
  return holdForAsk(session, { act, ask, decision: verdict.decision });
}

/** Puts an act behind an ask, in one commit. */
export async function holdForAsk(session: Session, { act, ask, decision }: { act: Act; ask: NewAsk; decision: Json }): Promise<Made> {
  const { engine, lease, state } = session;
  await fencedMove(engine.db, lease, async (tx) => {
    await planActs(tx, [act]);
    failpoint("gate.planned");
    await moveAct(tx, { act, to: "asked", askId: ask.id, decision });
    failpoint("gate.asked");
    await openAsk(tx, ask);
    failpoint("gate.ask_opened");
    if (state.ticket) await moveTicket(tx, state.ticket.id, { status: "awaiting_human" });
    failpoint("gate.ticket_moved");
    await append(tx, engine.clock, [
      runEvent(session, "act.asked", { act: act.id, kind: act.kind, name: act.name, binding: act.binding, ask: ask.id, decision }),
      runEvent(session, "ask.opened", { ask: ask.id, act: act.id, kind: ask.kind, purpose: ask.purpose, prompt: ask.prompt, rule: ask.rule }),
    ]);
  });
  failpoint("gate.committed");
  return { kind: "moved" };
}

export interface Refusal {
  /** Where the no came from: `policy`, `budget`, `person`, `arguments`, `kind`. */
  readonly rule: string;
  readonly why: string;
  readonly decision?: Json;
}

/** The act is denied; what that means for the run, its procedure says. */
export async function refuseAct(session: Session, act: Act, refusal: Refusal): Promise<Made> {
  const { engine, lease } = session;
  const decision = refusal.decision ?? { outcome: "deny", rule: refusal.rule, why: refusal.why };
  await fencedMove(engine.db, lease, async (tx) => {
    await planActs(tx, [act]);
    await moveAct(tx, { act, to: "denied", decision, error: { code: `denied_by_${refusal.rule}`, message: refusal.why } });
    failpoint("gate.denied");
    await append(tx, engine.clock, [runEvent(session, "act.denied", { act: act.id, kind: act.kind, name: act.name, why: refusal.why, decision })]);
  });
  failpoint("gate.denial_committed");
  return { kind: "moved" };
}

/** A person said no, or nobody said anything in time. */
export function refuseByAsk(session: Session, act: Act, ask: Ask): Promise<Made> {
  const reason = ask.decisions.findLast((decision) => decision.answer === ask.answer)?.reason;
  const why = ask.state === "answered" ? `${ask.settledBy} said ${ask.answer}${reason ? `: ${reason}` : ""}` : `nobody answered ${ask.id}: it is ${ask.state}`;
  return refuseAct(session, act, {
    rule: "person",
    why,
    decision: { outcome: "deny", rule: ask.rule, why, ask: ask.id, answer: ask.answer, answeredBy: ask.settledBy },
  });
}

/** The ask that a waiting act waited for is closed: its answer is the act's result. */
export async function settleByAsk(session: Session, act: Act, ask: Ask): Promise<Made> {
  const { engine, lease, state } = session;
  const result = { ...(act.result as object | null), ...answerOf(act, ask) };
  await fencedMove(engine.db, lease, async (tx) => {
    await moveAct(tx, { act, to: "done", result });
    failpoint(`act.${act.kind}.settled`);
    const status = statusAfter(act, ask);
    if (state.ticket && status) await moveTicket(tx, state.ticket.id, { status });
    await append(tx, engine.clock, [runEvent(session, "act.done", { act: act.id, kind: act.kind, name: act.name, ask: ask.id, result })]);
  });
  failpoint(`act.${act.kind}.settlement_committed`);
  return { kind: "moved" };
}

function answerOf(act: Act, ask: Ask): { [key: string]: Json } {
  if (ask.kind === "acknowledgement") return { acknowledged: ask.state === "answered", by: ask.settledBy, ask: ask.id };
  const said = ask.state === "answered" ? ask.answer : null;
  if (act.kind !== "check") return { answer: said, by: ask.settledBy, ask: ask.id };
  const { yes, no } = ask.detail as { yes: string; no: string };
  const verdict = said === yes ? "passed" : said === no ? "failed" : "unreadable";
  return { verdict, answer: said, by: ask.settledBy, ask: ask.id };
}

/** A dispatch that nobody acknowledged needs attention; one that was acknowledged stays dispatched. */
function statusAfter(act: Act, ask: Ask): TicketStatus | undefined {
  return act.kind === "message" && ask.state !== "answered" ? "blocked" : undefined;
}
