import type { Act } from "#src/acts/act.ts";
import { judge } from "#src/acts/gate.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { DELEGATE, HANDOFF } from "../handover/args.ts";
import { readSoFar } from "../read-so-far.ts";
import type { Made, Session } from "../session.ts";
import { delegate, delegationProblem } from "./delegate.ts";
import { askForAct, refuseAct } from "./gate-answers.ts";
import { handOver, handOverProblem } from "./hand-over.ts";
import { startFreeAct } from "./start-free-act.ts";

/** Acts of kind `handoff`: the run goes to another agent, or a part of its work to a run of its own. Their effect is in this database, so it is one commit. */
export async function performHandoff(session: Session, act: Act): Promise<Made> {
  const problem = await problemWith(session, act);
  if (problem !== undefined) return refuseAct(session, act, { rule: "handoff", why: problem });
  const { run, asks } = session.state;
  const verdict = judge({
    act,
    agent: run.agent,
    givers: [], // whoever gets it is held to what all before may do, so the present agent alone says to whom
    read: readSoFar(session.state),
    workspace: session.current.workspace,
    ask: asks.findLast((ask) => ask.id === act.askId),
    nowMs: session.recordNowMs(),
  });
  if (verdict.kind === "deny") return refuseAct(session, act, { rule: "policy", why: verdict.why, decision: verdict.decision });
  if (verdict.kind === "ask") return askForAct(session, act, verdict);
  const attempt = await startFreeAct(session, act, verdict.decision);
  const decided = { ...act, decision: verdict.decision };
  return act.name.startsWith(DELEGATE) ? delegate(session, decided, attempt) : handOver(session, decided, attempt);
}

async function problemWith(session: Session, act: Act): Promise<string | undefined> {
  try {
    if (act.name.startsWith(DELEGATE)) return await delegationProblem(session, act);
    if (act.name.startsWith(HANDOFF)) return handOverProblem(session, act);
    return `a handoff is called ${HANDOFF}<agent> or ${DELEGATE}<agent>, not ${act.name}`;
  } catch (error) {
    if (error instanceof LoopError) return error.message;
    throw error;
  }
}
