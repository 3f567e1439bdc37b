import type { Act } from "#src/acts/act.ts";
import type { Performed } from "#src/acts/performer.ts";
import { type End, endAct, type NewMessage } from "#src/acts/store/end.ts";
import { openAsk } from "#src/asks/store/open.ts";
import type { NewAsk } from "#src/asks/ask.ts";
import { inTransaction } from "#src/database/open.ts";
import { prepareEvent } from "#src/journal/event.ts";
import { append } from "#src/journal/store/append.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { storableJson } from "#src/kernel/storable-json.ts";
import { releaseAllotment } from "#src/ledger/allot.ts";
import { settleLate } from "#src/ledger/store/correct.ts";
import type { Settlement } from "#src/ledger/store/settle.ts";
import { moveTicket } from "#src/tickets/store/move.ts";
import type { TicketStatus } from "#src/tickets/ticket.ts";
import type { WaitHandle } from "../next-move.ts";
import { MEMORY_RECALL } from "../memory/recall.ts";
import { type Made, runEvent, type Session, withAct } from "../session.ts";
import { LeaseLost } from "../store/hold.ts";

export interface Attempted {
  readonly act: Act;
  readonly attempt: number;
  readonly performed: Performed;
  readonly settlement?: Settlement;
  readonly message?: NewMessage;
  readonly planned?: readonly Act[];
  /** Kept beside the time of the next try: which models failed, say. */
  readonly notes?: { readonly [key: string]: Json };
}

type Landing = Pick<End, "state" | "result" | "error" | "handle">;

/** Records what became of a try. @throws LeaseLost when the act is no longer ours to move; the fact and its cost are kept all the same */
export async function recordOutcome(session: Session, attempted: Attempted): Promise<Made> {
  const { performed } = attempted;
  if (performed.kind === "asking") return recordAsking(session, attempted, performed);
  const landing = landingOf(session, attempted);
  const { moved, overran } = await endAct(session.engine.db, endOf(session, attempted, landing));
  failpoint(`act.${attempted.act.kind}.ended`);
  if (overran) await releaseAllotment(session.engine.db, attempted.act.runId); // the budgets learn at once what was billed beyond the maximum
  if (!moved) {
    if (attempted.settlement) await settleLate(session.engine.db, attempted.settlement); // whoever moved on took the reservation for the cost
    throw new LeaseLost(`the outcome of ${attempted.act.id} came late`);
  }
  return { kind: "moved", state: stateAfter(session, attempted, landing) };
}

function landingOf(session: Session, { performed, notes }: Attempted): Landing {
  switch (performed.kind) {
    case "done":
      return { state: "done", result: storableJson(performed.result), error: null, handle: null };
    case "failed":
      return { state: "failed", result: null, error: performed.error, handle: null };
    case "later":
      return { state: "waiting", result: null, error: performed.error, handle: { ...notes, untilMs: session.recordNowMs() + performed.afterMs } };
    case "running":
      return { state: "waiting", result: performed.result, error: null, handle: performed.handle };
    case "asking":
      return { state: "waiting", result: performed.result, error: null, handle: { askId: performed.ask.id } satisfies WaitHandle };
  }
}

const KIND_OF_END = { done: "act.done", failed: "act.failed", waiting: "act.waiting", unknown: "act.unknown" } as const;

function endOf(session: Session, { act, attempt, settlement, message, planned }: Attempted, landing: Landing): End {
  const atMs = session.engine.clock.nowMs();
  const payload = { act: act.id, kind: act.kind, name: act.name, attempt, result: resultForJournal(act, landing.result), error: landing.error as Json };
  return {
    act,
    lease: session.lease,
    attempt,
    ...landing,
    event: prepareEvent(runEvent(session, KIND_OF_END[landing.state], payload), atMs),
    late: prepareEvent(runEvent(session, "act.late_outcome", payload), atMs),
    settlement: settlement ?? null,
    message: message ?? null,
    planned: planned ?? [],
  };
}

/** What a model said stands in the transcript, and what was recalled on the act, where it can be forgotten; the journal says that it happened. */
const resultForJournal = (act: Act, result: Json | null): Json | undefined =>
  act.kind === "model" || act.name === MEMORY_RECALL ? undefined : (result ?? undefined);

/** A dispatch is on its way; a tool that asks people waits for them. A check leaves the ticket where it is. */
const STATUS_WHILE_ASKING: { readonly [K in Act["kind"]]?: TicketStatus } = { message: "dispatched", tool: "awaiting_human" };

/** The act goes on as an ask: posted and waiting for an acknowledgement, or a question to a person. One commit for both. */
async function recordAsking(session: Session, attempted: Attempted, { ask, result }: { ask: NewAsk; result: Json }): Promise<Made> {
  const { act } = attempted;
  const moved = await inTransaction(session.engine.db, async (tx) => {
    const { moved: landed } = await endAct(tx, endOf(session, attempted, landingOf(session, { ...attempted, performed: { kind: "asking", ask, result } })));
    failpoint(`act.${act.kind}.waiting`);
    if (!landed) return false;
    await openAsk(tx, ask);
    failpoint(`act.${act.kind}.ask_opened`);
    const status = STATUS_WHILE_ASKING[act.kind];
    if (session.state.ticket && status) await moveTicket(tx, session.state.ticket.id, { status });
    await append(tx, session.engine.clock, [
      runEvent(session, "ask.opened", { ask: ask.id, act: act.id, kind: ask.kind, purpose: ask.purpose, prompt: ask.prompt }),
    ]);
    return true;
  });
  failpoint(`act.${act.kind}.ended`);
  if (!moved) throw new LeaseLost(`the outcome of ${act.id} came late`);
  return { kind: "moved" };
}

function stateAfter(session: Session, { act, attempt, message, planned }: Attempted, landing: Landing) {
  const settled: Act = { ...act, ...landing, attempts: attempt };
  const state = (planned ?? []).reduce(withAct, withAct(session.state, settled));
  const run = { ...state.run, turns: Math.max(state.run.turns, act.turn) };
  const added = message ? [{ ...message, role: message.role as "thought", trust: message.trust as "agent" }] : [];
  return { ...state, run, messages: [...state.messages, ...added], nowMs: session.recordNowMs() };
}
