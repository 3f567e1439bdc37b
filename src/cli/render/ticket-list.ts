import type { TicketShape } from "../client/shapes.ts";
import { type Look, statusWord } from "./look.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { type Column, tableText } from "./table.ts";
import { agoText } from "./time.ts";

export function ticketListText(tickets: readonly TicketShape[], look: Look): string {
  if (tickets.length === 0) return "There is no such ticket. `loop send <text>` makes one.";
  const table: readonly Column<TicketShape>[] = [
    { head: "#", cell: ({ number }) => String(number), align: "right" },
    { head: "status", cell: ({ status }) => statusWord(status, look) },
    { head: "sev", cell: ({ triage }) => String(triage?.severity ?? "-"), align: "right" },
    { head: "category", cell: ({ triage }) => plainLine(triage?.category ?? "-"), least: 8 },
    { head: "about", cell: (ticket) => plainLine(aboutOf(ticket)) || "-", least: 8 },
    { head: "text", cell: ({ title }) => plainLine(title), least: 12 },
    { head: "changed", cell: ({ updatedAt }) => agoText(updatedAt, look.nowMs), align: "right" },
  ];
  return tableText(tickets, table, look);
}

/** The category has a column of its own. */
const aboutOf = ({ labels, triage }: TicketShape): string =>
  Object.values(labels)
    .filter((value) => value !== triage?.category)
    .join(" ");
