import type { RunShape, TicketShape } from "../client/shapes.ts";
import { idPath, ticketPath } from "../references.ts";
import { UsageError } from "../arguments.ts";
import type { Given, Verb } from "../verb.ts";

export const REASON_FLAG = { reason: { takes: "text", value: "why", means: "why; it is needed, and kept in the record" } } as const;

/** @throws UsageError */
export function requiredReason(name: string, given: Given): string {
  const reason = given.text("reason");
  if (reason !== undefined && reason.trim() !== "") return reason;
  throw new UsageError(`A reason is needed, for whoever reads the record later. Expected: loop ${name} ${given.words[0]!} --reason <why>.`);
}

export const runCancel: Verb = {
  args: "<run-or-ticket> --reason <why>",
  flags: REASON_FLAG,
  words: { least: 1, most: 1 },
  about: "With a run: its open questions and planned acts are cancelled. With a ticket: its open runs are, and the ticket is given up.",
  examples: ["loop cancel run_0199c0ffee00712a8b6e5d4c3b2a1908 --reason 'wrong property'", "loop cancel 12 --reason 'sent twice'"],
  async run(given, context) {
    const typed = given.words[0]!;
    const reason = requiredReason("cancel", given);
    const isRun = typed.startsWith("run_");
    const body = await context.api().post(isRun ? `/v1/runs/${idPath(typed)}/cancel` : `/v1/tickets/${ticketPath(typed)}/cancel`, { reason });
    if (context.json) context.print(body);
    else if (isRun) context.print(`Run ${(JSON.parse(body) as RunShape).id} is cancelled. What it did stays done.`);
    else context.print(`Ticket #${(JSON.parse(body) as TicketShape).number} is cancelled. What was done stays done.`);
  },
};
