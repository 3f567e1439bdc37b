import type { TicketShape } from "../client/shapes.ts";
import { type Look, statusWord, toned } from "./look.ts";
import { usdText } from "./money.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { agoText } from "./time.ts";
import { cut } from "./width.ts";

/** A ticket in three lines: what it is, where it stands, what it is about. */
export function ticketHead(ticket: TicketShape, look: Look): string {
  const { number, status, labels, assignee, createdAt } = ticket;
  const about = [
    ...Object.entries(labels).map(([key, value]) => `${key}=${value}`),
    assignee === null ? "" : `in charge: ${assignee}`,
    `opened ${agoText(createdAt, look.nowMs)}`,
  ];
  return [
    toned(cut(`#${number} ${plainLine(ticket.title)}`, look.width), "strong", look),
    [statusWord(status, look), ...triageWords(ticket)].join(" · "),
    toned(cut(plainLine(about.filter((part) => part !== "").join(" · ")), look.width), "quiet", look),
  ].join("\n");
}

function triageWords({ triage }: TicketShape): string[] {
  if (triage?.category === undefined) return ["not understood yet"];
  const { category, severity, risks = [], costUsd } = triage;
  return [plainLine(category), `severity ${severity ?? "?"}`, ...risks.map(plainLine), ...(costUsd === undefined ? [] : [`costs ${usdText(costUsd)}`])];
}
