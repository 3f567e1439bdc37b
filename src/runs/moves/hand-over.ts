import type { Act } from "#src/acts/act.ts";
import { readArgs } from "#src/acts/read-args.ts";
import { cancelPlannedOfTurn } from "#src/acts/store/plan.ts";
import { append } from "#src/journal/store/append.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { remainingNanos } from "#src/ledger/remaining.ts";
import { HANDOFF, handoverArgs } from "../handover/args.ts";
import { chainOf, handoverProblem, isReturn } from "../handover/limits.ts";
import { lanesOfRun } from "../lanes.ts";
import type { Run, RunBrief } from "../run.ts";
import { type Made, nextSeq, runEvent, type Session } from "../session.ts";
import { fencedMove } from "../store/hold.ts";
import { giveRun } from "../store/handover.ts";
import { insertMessages } from "../store/write.ts";
import { runFactsOf } from "../run-facts.ts";
import { endInMove } from "./end-in-move.ts";

/** Why this act cannot hand the run over; undefined: it can. @throws LoopError input_invalid */
export function handOverProblem({ state, pinned }: Session, act: Act): string | undefined {
  readArgs(handoverArgs, act);
  return handoverProblem(state.run, act.name.slice(HANDOFF.length), pinned);
}

/**
 * Another agent has the run from here: the act, the run, its transcript and the record of it in one commit. What the giver had planned besides is cancelled.
 * Within a service, which names its agents, each acts by its own file; elsewhere the one that takes over may do no more than whoever gave it.
 */
export async function handOver(session: Session, act: Act, attempt: number): Promise<Made> {
  const { engine, lease, state, pinned } = session;
  const { run } = state;
  const to = act.name.slice(HANDOFF.length);
  const { reason, goal, evidence } = readArgs(handoverArgs, act);
  const after = afterHandover(run, to);
  const envelope = {
    from: run.agent,
    to,
    reason,
    goal: goal ?? null,
    evidence: evidence ?? null,
    remaining: { turns: run.limits.maxTurns - run.turns, nanos: await remainingNanos(engine.db, { run: runFactsOf(run), ...budgetsOf(session) }) },
    deadline: run.brief.deadlineMs ?? null,
    returnTo: after.brief.chain?.at(-2) ?? null,
  };
  failpoint("handoff.weighed");
  await fencedMove(engine.db, lease, async (tx) => {
    await endInMove(tx, session, { act, attempt, state: "done", result: { to, returned: isReturn(run, to) }, handle: null });
    failpoint("handoff.act");
    await cancelPlannedOfTurn(tx, act);
    await giveRun(tx, lease, { ...after, lanes: lanesOfRun(pinned, { agent: to, labels: run.labels }) });
    failpoint("handoff.given");
    const entry = {
      seq: nextSeq(state),
      role: "note",
      name: "handover",
      source: `agent:${run.agent}`,
      trust: "agent",
      content: { text: words(envelope), envelope },
    };
    await insertMessages(tx, run.id, [entry]);
    failpoint("handoff.transcript");
    await append(tx, engine.clock, [runEvent(session, "run.handed_over", { ...envelope, act: act.id, state: { run: run.id, turn: act.turn } })]);
  });
  failpoint("handoff.committed");
  return { kind: "moved" };
}

const budgetsOf = ({ current }: Session) => ({ budgets: current.workspace.budgets, timeZone: current.workspace.manifest.timeZone });

/** The run as whoever takes it over has it. */
function afterHandover(run: Run, to: string): { readonly agent: string; readonly brief: RunBrief; readonly givers: readonly string[] } {
  const chain = chainOf(run);
  const givers = run.limits.givers ?? [];
  const handovers = (run.brief.handovers ?? 0) + 1;
  if (isReturn(run, to))
    return { agent: to, brief: { ...run.brief, chain: chain.slice(0, -1), handovers }, givers: givers.at(-1) === to ? givers.slice(0, -1) : givers };
  const narrowed = run.brief.service === undefined ? [...givers, run.agent] : givers;
  return { agent: to, brief: { ...run.brief, chain: [...chain, to], handovers }, givers: narrowed };
}

function words({
  from,
  to,
  reason,
  goal,
  evidence,
  remaining,
  returnTo,
}: {
  from: string;
  to: string;
  reason: string;
  goal: string | null;
  evidence: string | null;
  remaining: { turns: number };
  returnTo: string | null;
}): string {
  return [
    `[${from} handed this over to ${to}: ${reason}]`,
    ...(goal === null ? [] : [`Goal: ${goal}`]),
    ...(evidence === null ? [] : [`Found so far: ${evidence}`]),
    `You are ${to} and take it from here. Turns left: ${remaining.turns}.${returnTo === null ? "" : ` If it is not yours, give it back to ${returnTo}.`}`,
  ].join("\n");
}
