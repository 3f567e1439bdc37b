import { type Db, inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { moveTicket } from "#src/tickets/store/move.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { isClosed } from "#src/tickets/ticket.ts";
import type { Command } from "./command.ts";
import { createRun, type RunPlace } from "./create.ts";
import { isOpen } from "./run.ts";
import { lockRun, openRunOf } from "./store/retry.ts";
import { requireRun } from "./store/state.ts";

/**
 * Begins a ticket's work again, in a run of its own that says which it follows, with no more authority than the old one had. What that one did stays done, and stays on
 * its record.
 * @throws LoopError run_unknown | run_not_open (it has not ended, or another run of the ticket is at work) | ticket_not_open
 */
export async function retryRun(db: Db, place: RunPlace, command: Command): Promise<RunId> {
  const run = await requireRun(db, command.runId);
  if (isOpen(run.state))
    throw new LoopError("run_not_open", `The run ${run.id} is ${run.state}: it has not ended, so there is nothing to begin again.`, {
      facts: { run: run.id, state: run.state },
    });
  if (!run.ticketId) throw new LoopError("run_not_open", `The run ${run.id} has no ticket to begin again. Send the message again.`, { facts: { run: run.id } });
  const ticket = await requireTicket(db, run.ticketId);
  if (isClosed(ticket.status))
    throw new LoopError("ticket_not_open", `Ticket #${ticket.number} is ${ticket.status}. Send a new message.`, {
      facts: { ticket: ticket.id, status: ticket.status },
    });
  return inTransaction(db, async (tx) => {
    await lockRun(tx, run.id);
    const atWork = await openRunOf(tx, ticket.id);
    if (atWork)
      throw new LoopError("run_not_open", `The run ${atWork} of ticket #${ticket.number} is at work already.`, { facts: { ticket: ticket.id, run: atWork } });
    await moveTicket(tx, ticket.id, { status: "triaged" });
    await append(tx, place.clock, [
      { kind: "run.retried", actor: command.by.id, runId: run.id, ticketId: ticket.id, payload: { by: command.by.handle, reason: command.reason } },
    ]);
    const input = { text: ticket.body, source: ticket.sender, trust: ticket.trust };
    return createRun(tx, place, {
      agent: run.agent,
      ticketId: ticket.id,
      threadId: run.threadId,
      labels: run.labels,
      task: run.limits.task,
      input,
      brief: run.brief,
      givers: run.limits.givers ?? [],
      retryOf: { runId: run.id, attempt: run.attempt },
    });
  });
}
