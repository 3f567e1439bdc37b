import type { Act } from "#src/acts/act.ts";
import { bindingOf } from "#src/acts/binding.ts";
import { planActs } from "#src/acts/store/plan.ts";
import { openAsk } from "#src/asks/store/open.ts";
import { append } from "#src/journal/store/append.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { type AskId, newId } from "#src/kernel/ids.ts";
import { moveTicket } from "#src/tickets/store/move.ts";
import type { PlannedAct, Step, ThoughtRequest } from "../procedure.ts";
import { type Made, nextSeq, runEvent, type Session } from "../session.ts";
import { fencedMove } from "../store/hold.ts";
import { insertMessages, setTurns } from "../store/write.ts";
import { performModel } from "./perform-model.ts";

/** An act as it is before anything happened to it. */
function newAct(session: Session, planned: PlannedAct, place: { turn: number; ordinal: number }): Act {
  const { run } = session.state;
  const id = newId("act", session.engine.clock.nowMs());
  return {
    id,
    runId: run.id,
    ...place,
    ...planned,
    state: "planned",
    key: id,
    binding: bindingOf({ ...planned, runId: run.id }),
    askId: null,
    decision: null,
    handle: null,
    result: null,
    error: null,
    attempts: 0,
  };
}

const ofProcedure = (planned: PlannedAct): PlannedAct => ({ ...planned, facts: { ...planned.facts, ofProcedure: true } });

/** Plans the acts of a turn, all at once. */
export async function plan(session: Session, step: Extract<Step, { kind: "plan" }>): Promise<Made> {
  const { engine, lease, state } = session;
  const turn = state.run.turns + 1;
  const own = engine.procedures.get(state.run.procedure)?.ownTools ?? [];
  const acts = step.acts.map((planned, ordinal) => newAct(session, own.includes(planned.name) ? ofProcedure(planned) : planned, { turn, ordinal }));
  await fencedMove(engine.db, lease, async (tx) => {
    await planActs(tx, acts);
    failpoint("plan.acts");
    await setTurns(tx, state.run.id, turn);
    if (state.ticket && step.ticket) await moveTicket(tx, state.ticket.id, step.ticket);
    failpoint("plan.ticket");
    await append(
      tx,
      engine.clock,
      acts.map((act) => runEvent(session, "act.planned", { act: act.id, kind: act.kind, name: act.name, args: act.args, binding: act.binding })),
    );
  });
  failpoint("plan.committed");
  return { kind: "moved" };
}

/** Asks people something that is no act: whether the work is done, say. */
export async function ask(session: Session, step: Extract<Step, { kind: "ask" }>): Promise<Made> {
  const { engine, lease, state } = session;
  const id = newId("ask", engine.clock.nowMs()) as AskId;
  await fencedMove(engine.db, lease, async (tx) => {
    await openAsk(tx, {
      ...step.ask,
      id,
      runId: state.run.id,
      actId: null,
      ticketId: state.run.ticketId,
      quorum: 1,
      binding: null,
      rule: null,
      revision: session.current.revision,
    });
    failpoint("ask.opened");
    if (state.ticket && step.ticket) await moveTicket(tx, state.ticket.id, step.ticket);
    await append(tx, engine.clock, [runEvent(session, "ask.opened", { ask: id, kind: step.ask.kind, purpose: step.ask.purpose, prompt: step.ask.prompt })]);
  });
  failpoint("ask.open_committed");
  return { kind: "moved" };
}

/** Thinks for a purpose: a model act, or the rules of the workspace. */
export async function think(session: Session, request: ThoughtRequest): Promise<Made> {
  if (session.state.run.runner === "rules") return thinkByRules(session, request);
  const planned: PlannedAct = {
    kind: "model",
    name: request.purpose,
    effect: "read",
    args: { purpose: request.purpose, tier: request.tier, ...(request.repair === undefined ? {} : { repair: request.repair }) },
    facts: { labels: session.state.run.labels },
  };
  const made = await performModel(session, newAct(session, planned, { turn: session.state.run.turns + 1, ordinal: 0 }));
  return made.kind === "moved" && made.state !== undefined ? { ...made, quiet: true } : made;
}

async function thinkByRules(session: Session, request: ThoughtRequest): Promise<Made> {
  const { engine, lease, state } = session;
  const value = engine.rules.think(request.purpose, state, session.pinned);
  const message = {
    seq: nextSeq(state),
    role: "thought",
    name: request.purpose,
    source: "rules",
    trust: "agent",
    content: value === null ? { unable: true } : { value },
  };
  await fencedMove(engine.db, lease, async (tx) => {
    await insertMessages(tx, state.run.id, [message]);
    failpoint("think.message");
    await setTurns(tx, state.run.id, state.run.turns + 1);
    await append(tx, engine.clock, [runEvent(session, "run.thought", { purpose: request.purpose, by: "rules", content: message.content })]);
  });
  failpoint("think.committed");
  return { kind: "moved" };
}
