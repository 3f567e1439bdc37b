import type { Act } from "#src/acts/act.ts";
import type { NewAsk } from "#src/asks/ask.ts";
import { openAsksAbout } from "#src/asks/store/read.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { type AskId, newId } from "#src/kernel/ids.ts";
import type { AllotResult } from "#src/ledger/allot.ts";
import { usdText } from "#src/ledger/money.ts";
import type { Made, Session } from "../session.ts";
import { holdForAsk } from "./gate-answers.ts";

type Short = Exclude<AllotResult, { kind: "granted" } | { kind: "closed" }>;

/** What runs wait for, as the cause of a timer, that find a paused budget used up when somebody has been asked already. */
export const budgetCause = ({ budget, subject }: Pick<Short, "budget" | "subject">): string => `budget:${budget}:${subject}`;

/** A budget cannot take the call. Nothing is lost: the run waits, and goes on when somebody raised the cap, or the next period came, and says so. */
export function askToRaiseBudget(session: Session, act: Act, short: Short): Promise<Made> {
  const { run } = session.state;
  const why = reason(short);
  const rule = `budget:${short.budget}`;
  const ask: NewAsk = {
    id: newId("ask", session.engine.clock.nowMs()) as AskId,
    kind: "approval",
    purpose: "budget",
    runId: run.id,
    actId: act.id,
    ticketId: run.ticketId,
    prompt: `${why} Approve to try again once it is raised or its next period has begun; deny to stop the run.`,
    detail: { kind: act.kind, name: act.name, budget: short.budget, subject: short.subject, why },
    options: ["approve", "deny"],
    approvers: { roles: ["approver", "admin", "owner"], names: [] },
    quorum: 1,
    binding: act.binding,
    rule,
    expiry: [],
    revision: session.current.revision,
  };
  return holdForAsk(session, { act, ask, decision: { outcome: "ask", rule, why } satisfies Json });
}

/** Whether somebody has been asked about this budget for another run. */
export async function isAskedAbout(session: Session, { budget, subject }: Pick<Short, "budget" | "subject">): Promise<boolean> {
  const asks = await openAsksAbout(session.engine.db, "budget", `budget:${budget}`);
  return asks.some((ask) => ask.detail["subject"] === subject && ask.runId !== session.state.run.id);
}

function reason(short: Short): string {
  if (short.kind === "unpriced")
    return `The budget ${short.budget} (${short.subject}) has a cap in money, and the price of ${short.model} is unknown: set it under prices in loop.yaml.`;
  const caps = short.unit === "nanos" ? `${usdText(short.spentNanos)} of ${usdText(short.capNanos)}` : `${short.spentTokens} of ${short.capTokens} tokens`;
  const resets = short.resetsAtMs === null ? "" : `, until ${new Date(short.resetsAtMs).toISOString()}`;
  return `The budget ${short.budget} (${short.subject}) is reached: ${caps} spent${resets}.`;
}
