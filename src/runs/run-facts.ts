import type { RunFacts } from "#src/ledger/budgets.ts";
import type { Run } from "./run.ts";

/** What decides which budgets a run counts against: a part that was given away counts against the run and the ticket that it is a part of. */
export function runFactsOf({ id, agent, ticketId, labels, brief }: Run): RunFacts {
  return { runId: id, agent, ticketId, labels, ...(brief.root === undefined ? {} : { rootRunId: brief.root }) };
}
