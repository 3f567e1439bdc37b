import type { RunShape } from "../client/shapes.ts";
import { type Look, statusWord } from "./look.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { type Column, tableText } from "./table.ts";
import { agoText, lengthText } from "./time.ts";

export function runListText(runs: readonly RunShape[], numbers: ReadonlyMap<string, number>, look: Look): string {
  if (runs.length === 0) return "There is no run yet. `loop send <text>` starts one.";
  const table: readonly Column<RunShape>[] = [
    { head: "run", cell: ({ id }) => id },
    { head: "ticket", cell: ({ ticketId }) => (ticketId === null ? "-" : `#${numbers.get(ticketId) ?? "?"}`), align: "right" },
    { head: "state", cell: ({ state }) => statusWord(state, look) },
    { head: "agent", cell: ({ agent, runner }) => plainLine(`${agent} (${runner})`), least: 6 },
    { head: "took", cell: (run) => tookOf(run, look.nowMs), align: "right" },
    { head: "started", cell: ({ createdAt }) => agoText(createdAt, look.nowMs), align: "right" },
  ];
  return tableText(runs, table, look);
}

export const tookOf = ({ createdAt, endedAt }: Pick<RunShape, "createdAt" | "endedAt">, nowMs: number): string =>
  lengthText((endedAt === null ? nowMs : Date.parse(endedAt)) - Date.parse(createdAt));
