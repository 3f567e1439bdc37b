import type { Answerer } from "#src/asks/ask.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { moveTicket } from "#src/tickets/store/move.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import type { Ticket } from "#src/tickets/ticket.ts";
import { cancelRun } from "./command.ts";
import { isOpen } from "./run.ts";
import { listRuns } from "./store/state.ts";

const RUNS_OF_A_TICKET = 1_000;

/** Cancels the open runs of a ticket and then the ticket. @throws LoopError ticket_unknown | ticket_not_open */
export async function cancelTicket(
  db: Db,
  clock: Clock,
  command: { readonly ticketId: string; readonly by: Answerer; readonly reason: string },
): Promise<Ticket> {
  const { by, reason } = command;
  const ticket = await requireTicket(db, command.ticketId);
  const open = (await listRuns(db, { ticketId: ticket.id, limit: RUNS_OF_A_TICKET })).filter(({ state }) => isOpen(state));
  for (const run of open) await cancelRun(db, clock, { runId: run.id, by, reason });
  await inTransaction(db, async (tx) => {
    if (!(await moveTicket(tx, ticket.id, { status: "cancelled" }))) {
      const { number, status } = await requireTicket(tx, ticket.id);
      throw new LoopError("ticket_not_open", `Ticket #${number} is ${status}; it cannot be cancelled any more.`, { facts: { ticket: ticket.id, status } });
    }
    await append(tx, clock, [
      { kind: "ticket.cancelled", actor: by.id, ticketId: ticket.id, payload: { by: by.handle, reason, runs: open.map(({ id }) => id) } },
    ]);
  });
  return requireTicket(db, ticket.id);
}
