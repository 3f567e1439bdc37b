import { allotModelCall, type CallAllotment, type CallRequest, openModelCall } from "#src/ledger/allot.ts";
import { runFactsOf } from "../run-facts.ts";
import type { Session } from "../session.ts";
import { LeaseLost } from "../store/hold.ts";
import type { ThoughtKind } from "../think/thought-kind.ts";

interface CallSize {
  readonly model: string;
  readonly inputTokens: number;
  readonly kind: Pick<ThoughtKind, "maxOutputTokens">;
}

/** What the budgets of the run say to a call. Where it has none, nobody is asked. */
export async function allotCall(session: Session, call: CallSize): Promise<CallAllotment> {
  const request = requestOf(session, call);
  return openModelCall(pricesOf(session), request, session.recordNowMs()) ?? allotModelCall(session.engine.db, pricesOf(session), request);
}

/** The reservation found no place: another call of this run came first, or its allotment is of other budgets, which this puts right. @throws LeaseLost */
export async function allotAgain(session: Session, call: CallSize, { opens }: { readonly opens?: boolean }): Promise<void> {
  if (!opens) return; // the next try asks the budgets by itself
  const { kind } = await allotModelCall(session.engine.db, pricesOf(session), requestOf(session, call));
  if (kind === "closed") throw new LeaseLost(`the allotment of ${session.lease.runId} is closed`);
}

const pricesOf = ({ engine, current }: Session) => engine.prices(current.workspace);

function requestOf({ state: { run }, current }: Session, { model, inputTokens, kind }: CallSize): CallRequest {
  return {
    run: runFactsOf(run),
    budgets: current.workspace.budgets,
    timeZone: current.workspace.manifest.timeZone,
    model,
    inputTokens,
    wantedOutput: Math.min(run.limits.maxOutputTokens, kind.maxOutputTokens ?? Number.POSITIVE_INFINITY),
  };
}
