import type { Act } from "#src/acts/act.ts";
import { readArgs } from "#src/acts/read-args.ts";
import { addFacts, moveAct } from "#src/acts/store/plan.ts";
import { append } from "#src/journal/store/append.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { type RunId, newId } from "#src/kernel/ids.ts";
import { isUntrusted, worstOf } from "#src/policy/trust.ts";
import { createRun } from "../create.ts";
import { DELEGATE, delegationArgs } from "../handover/args.ts";
import { agentProblem, MOST_DEEP, MOST_IN_TREE, MOST_PARTS } from "../handover/limits.ts";
import { readSoFar } from "../read-so-far.ts";
import { type Made, runEvent, type Session } from "../session.ts";
import type { ChildEnd } from "../run.ts";
import { childrenOf, countTree } from "../store/children.ts";
import { fencedMove } from "../store/hold.ts";
import { readState } from "../store/state.ts";
import { endInMove } from "./end-in-move.ts";

/** Why this act cannot give work away; undefined: it can. @throws LoopError input_invalid */
export async function delegationProblem({ engine, state, pinned }: Session, act: Act): Promise<string | undefined> {
  readArgs(delegationArgs, act);
  const to = act.name.slice(DELEGATE.length);
  const { run } = state;
  const unfit = agentProblem(
    pinned.agents.find(({ name }) => name === to),
    to,
  );
  if (unfit) return unfit;
  if (to === run.agent || run.limits.givers?.includes(to)) return `${to} is at work on this already; give it to somebody else, or do it yourself`;
  if ((run.limits.givers?.length ?? 0) >= MOST_DEEP) return `this work was given on ${MOST_DEEP} times already, the most there is; do it yourself`;
  const parts = await childrenOf(engine.db, run.id);
  if (parts.length >= MOST_PARTS) return `this run gave ${parts.length} parts away, the most there is; do the rest yourself`;
  if ((await countTree(engine.db, run.brief.root ?? run.id)) >= MOST_IN_TREE)
    return `this work has become ${MOST_IN_TREE} runs, the most there is; do the rest yourself`;
  return undefined;
}

/** A part of the work becomes a run of its own, which may do no more than whoever gave it; its end wakes this one. Act and run in one commit. */
export async function delegate(session: Session, act: Act, attempt: number): Promise<Made> {
  const { engine, lease, state, current } = session;
  const { run } = state;
  const to = act.name.slice(DELEGATE.length);
  const { goal, evidence, deadlineMinutes } = readArgs(delegationArgs, act);
  const { taint, sawPrivate } = readSoFar(state);
  const deadlineMs = deadlineMinutes === undefined ? run.brief.deadlineMs : Math.min(run.brief.deadlineMs ?? Infinity, state.nowMs + deadlineMinutes * 60_000);
  const id = newId("run", engine.clock.nowMs());
  await fencedMove(engine.db, lease, async (tx) => {
    await endInMove(tx, session, { act, attempt, state: "waiting", result: null, handle: { runId: id } });
    failpoint("delegate.act");
    await createRun(
      tx,
      { clock: engine.clock, revision: run.revision, workspace: session.pinned, tiers: engine.tiers(current.workspace) },
      {
        id,
        agent: to,
        ticketId: run.ticketId,
        threadId: run.threadId,
        labels: run.labels,
        parentRunId: run.id,
        requestedBy: run.limits.requestedBy,
        givers: [...(run.limits.givers ?? []), run.agent],
        brief: { root: run.brief.root ?? run.id, ...(deadlineMs === undefined ? {} : { deadlineMs }), taint, ...(sawPrivate ? { sawPrivate } : {}) },
        input: { text: wordsFor({ goal, evidence, from: run.agent }), source: `agent:${run.agent}`, trust: worstOf(taint) },
      },
    );
    failpoint("delegate.run");
    await append(tx, engine.clock, [
      runEvent(session, "run.delegated", { act: act.id, from: run.agent, to, run: id, goal, deadline: deadlineMs ?? null, returnTo: run.id }),
    ]);
  });
  failpoint("delegate.committed");
  return { kind: "moved" };
}

const wordsFor = ({ goal, evidence, from }: { goal: string; evidence: string | undefined; from: string }): string =>
  [`[${from} gave you a part of its work.]`, goal, ...(evidence ? [`Known so far: ${evidence}`] : [])].join("\n");

/** The part that was given away has ended: its answer is the result of the act, with everything that it read on its head. */
export async function settleDelegation(session: Session, act: Act, child: ChildEnd): Promise<Made> {
  const { engine, lease } = session;
  const read = readSoFar(await readState(engine.db, child.id));
  const isDone = child.state === "done";
  const said = isDone ? ((child.said as { text?: string } | null)?.text ?? "") : "";
  const result = { agent: child.agent, run: child.id as RunId, state: child.state, said };
  const error = { code: `delegate_${child.state}`, message: `${child.agent} did not finish: ${child.reason ?? child.state}` };
  await fencedMove(engine.db, lease, async (tx) => {
    await addFacts(tx, act, { untrusted: isUntrusted(read.taint), private: read.sawPrivate });
    failpoint("delegate.facts");
    await moveAct(tx, isDone ? { act, to: "done", result } : { act, to: "failed", error });
    failpoint("delegate.settled");
    await append(tx, engine.clock, [
      runEvent(session, isDone ? "act.done" : "act.failed", {
        act: act.id,
        kind: act.kind,
        name: act.name,
        result: isDone ? result : undefined,
        error: isDone ? undefined : error,
      }),
    ]);
  });
  failpoint("delegate.settlement_committed");
  return { kind: "moved" };
}
