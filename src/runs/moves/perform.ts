import type { Act, ActError } from "#src/acts/act.ts";
import { judge } from "#src/acts/gate.ts";
import type { Performed, Performer, Situation } from "#src/acts/performer.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { readSoFar } from "../read-so-far.ts";
import type { Made, Session } from "../session.ts";
import { LeaseLost } from "../store/hold.ts";
import { askForAct, refuseAct } from "./gate-answers.ts";
import { recordOutcome } from "./outcome.ts";
import { pauseMs } from "./pause.ts";
import { performHandoff } from "./perform-handoff.ts";
import { performModel } from "./perform-model.ts";
import { startFreeAct } from "./start-free-act.ts";

/** Performs acts that are due: one, or several reads at once. */
export async function performActs(session: Session, acts: readonly Act[]): Promise<Made> {
  const [first, ...others] = acts;
  if (first && others.length === 0) return performAct(session, first);
  await Promise.all(acts.map((act) => performAct(session, act)));
  return { kind: "moved" };
}

async function performAct(session: Session, act: Act, { isLookedFor = false } = {}): Promise<Made> {
  if (act.kind === "model") return performModel(session, act);
  if (act.kind === "handoff") return performHandoff(session, act);
  const performer = session.engine.performers.get(act.kind);
  if (!performer) return refuseAct(session, act, { rule: "kind", why: `nothing here performs acts of kind ${act.kind}` });
  const unreadable = problemWith(performer, act);
  if (unreadable) return refuseAct(session, act, { rule: "arguments", why: unreadable });
  const verdict = judge({
    act,
    agent: session.state.run.agent,
    givers: session.state.run.limits.givers ?? [],
    read: readSoFar(session.state),
    nowMs: session.recordNowMs(),
    workspace: session.current.workspace,
    ask: session.state.asks.findLast((ask) => ask.id === act.askId),
  });
  if (verdict.kind === "deny") return refuseAct(session, act, { rule: "policy", why: verdict.why, decision: verdict.decision });
  if (verdict.kind === "ask") return askForAct(session, act, verdict);
  const attempt = await startFreeAct(session, act, verdict.decision);
  const situation = situationOf(session);
  const looksFirst = act.effect === "findable" && attempt > 1 && !isLookedFor; // the try before may have done it and lost the answer
  const performed = await attemptTo(session, { act, attempt }, async () => {
    const found = looksFirst ? await performer.find?.(act, situation) : undefined;
    if (found) return found;
    if (!session.isFresh()) throw new LeaseLost(`this process stood still before it performed ${act.id}`);
    return performer.perform(act, { ...situation, cleared: verdict.cleared });
  });
  failpoint(`act.${act.kind}.performed`);
  return recordOutcome(session, { act: { ...act, decision: verdict.decision }, attempt, performed });
}

/** After a crash between intent and outcome: the port says whether it happened; only if not is it done again. */
export async function findThenPerform(session: Session, act: Act): Promise<Made> {
  const found = await searchFor(session, act);
  failpoint(`act.${act.kind}.searched`);
  if (found === undefined) return performAct(session, act, { isLookedFor: true });
  return recordOutcome(session, { act, attempt: act.attempts, performed: found });
}

/** A place that cannot be asked now is asked later. @throws LoopError where it will never answer: whether the act happened stays open */
async function searchFor(session: Session, act: Act): Promise<Performed | undefined> {
  try {
    return await session.engine.performers.get(act.kind)?.find?.(act, situationOf(session));
  } catch (error) {
    if (!(error instanceof LoopError) || error.retry !== "later" || act.attempts >= MOST_ATTEMPTS) throw error;
    return laterFor(error, act.attempts);
  }
}

function situationOf(session: Session): Situation {
  const { id: runId, agent, ticketId, threadId, labels } = session.state.run;
  return { signal: session.signal, runId, agent, ticketId, threadId, labels, revision: session.current.revision, nowMs: session.engine.clock.nowMs() };
}

function problemWith(performer: Performer, act: Act): string | undefined {
  try {
    performer.check(act);
    return undefined;
  } catch (error) {
    if (error instanceof LoopError) return error.message;
    throw error;
  }
}

const MOST_ATTEMPTS = 8;

/** A named failure of a port becomes an answer: try later, or failed. Bugs and a lost lease go on up, and so does a call that was stopped: whoever takes the run next finds out. */
async function attemptTo(session: Session, { act, attempt }: { act: Act; attempt: number }, perform: () => Promise<Performed>): Promise<Performed> {
  try {
    return await perform();
  } catch (error) {
    if (session.signal.aborted) throw new LeaseLost(`the call of ${act.id} was stopped`);
    if (!(error instanceof LoopError)) throw error;
    const said: ActError = { code: error.code, message: error.message };
    if (error.retry !== "later" || attempt >= MOST_ATTEMPTS) return { kind: "failed", error: said };
    return laterFor(error, attempt);
  }
}

function laterFor({ code, message, facts }: LoopError, attempt: number): Performed {
  const { retryAfterMs } = facts;
  return { kind: "later", error: { code, message }, afterMs: Math.max(pauseMs(attempt), typeof retryAfterMs === "number" ? retryAfterMs : 0) };
}
