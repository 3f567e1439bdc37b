import { answerAsk } from "#src/asks/answer.ts";
import type { Answerer } from "#src/asks/ask.ts";
import { openAsksAbout } from "#src/asks/store/read.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { hastenTimers } from "#src/leases/store/timers.ts";
import { type BudgetPeriod, budgetPeriod, onlySubject } from "#src/ledger/budgets.ts";
import { nanosOfUsd, usdText } from "#src/ledger/money.ts";
import { raisePeriod, recordNowMs } from "#src/ledger/store/raise.ts";
import { makePeriod } from "#src/ledger/store/seat.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { didYouMean } from "#src/workspace/nearest.ts";
import { isMachine } from "#src/people/role.ts";
import { budgetCause } from "./moves/budget-ask.ts";

export interface RaiseRequest {
  readonly budget: string;
  /** Such as `property=warm_taipei_2br`; left out where the budget has only one. */
  readonly subject?: string | undefined;
  readonly byUsd?: number | undefined;
  readonly byTokens?: number | undefined;
  readonly reason: string;
  readonly by: Answerer;
  /** Where it was said: `cli`, `http`. */
  readonly face: string;
}

export interface Raised {
  readonly budget: string;
  readonly subject: string;
  /** Asks that this answered. */
  readonly answered: number;
}

/**
 * Grants a budget more for its present period, and lets everything go on that waits for that. The manifest stays: the next period has its cap again.
 * Whether the caller may is not asked here, but that it is no machine: none gives itself money. @throws LoopError budget_unknown | input_invalid | permission_missing
 */
export async function raiseBudget({ db, clock, workspace }: { db: Db; clock: Clock; workspace: Workspace }, request: RaiseRequest): Promise<Raised> {
  const { handle, roles } = request.by;
  if (isMachine(roles))
    throw new LoopError("permission_missing", `${handle} may not raise a budget: it takes a person. Roles: ${roles.join(", ")}.`, { facts: { handle } });
  const period = periodOf(request, { workspace, nowMs: await recordNowMs(db) });
  const { budget, subject } = period;
  const [nanos, tokens] = [nanosOfUsd(request.byUsd ?? 0), request.byTokens ?? 0];
  if (nanos + tokens <= 0) throw new LoopError("input_invalid", "The raise is nothing. Say by how much: dollars, tokens or both, more than 0.");
  await inTransaction(db, async (tx) => {
    await makePeriod(tx, period);
    await raisePeriod(tx, { periodId: period.id, nanos, tokens });
    await hastenTimers(tx, budgetCause({ budget, subject }));
    const payload = { budget, subject, byNanos: nanos, byTokens: tokens, by: request.by.handle, reason: request.reason };
    await append(tx, clock, [{ kind: "budget.raised", actor: request.by.id, payload }]);
  });
  const waiting = (await openAsksAbout(db, "budget", `budget:${budget}`)).filter((ask) => ask.detail["subject"] === subject);
  for (const { id } of waiting) {
    const reason = `${budget} was raised${nanos > 0 ? ` by ${usdText(nanos)}` : ""}${tokens > 0 ? ` by ${tokens} tokens` : ""}: ${request.reason}`;
    await answerAsk(db, clock, { askId: id, person: request.by, answer: "approve", reason, face: request.face });
  }
  return { budget, subject, answered: waiting.length };
}

function periodOf({ budget: name, subject }: RaiseRequest, { workspace, nowMs }: { workspace: Workspace; nowMs: number }): BudgetPeriod {
  const budget = workspace.budgets.find((known) => known.name === name);
  if (!budget) {
    const names = workspace.budgets.map((known) => known.name);
    const { hint } = didYouMean(name, names);
    throw new LoopError("budget_unknown", `There is no budget ${name.slice(0, 80)}. ${hint ?? `Known: ${names.join(", ") || "none"}.`}`, {
      facts: { budget: name.slice(0, 80) },
    });
  }
  const of = subject ?? onlySubject(budget);
  if (of === null)
    throw new LoopError(
      "input_invalid",
      `The budget ${name} has one cap for each subject. Say which: \`--of\` of \`loop raise\`, \`subject\` of the request; \`loop budgets\` lists them.`,
      {
        facts: { budget: name },
      },
    );
  return budgetPeriod(budget, of, { nowMs, timeZone: workspace.manifest.timeZone });
}
