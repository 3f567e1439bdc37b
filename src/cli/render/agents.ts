import type { AgentShape, RevisionShape } from "../client/workspace-shapes.ts";
import { type Look, toned } from "./look.ts";
import { moneyText } from "./money.ts";
import { plain, plainLine } from "#src/kernel/plain.ts";
import { pairsText, tableText } from "./table.ts";
import { agoText } from "./time.ts";
import { wrapped } from "./width.ts";

/** Each agent with what it may do, in words: the power is what a list of agents is looked at for. */
export function agentsText(agents: readonly AgentShape[], look: Look): string {
  if (agents.length === 0) return "The workspace has no agents. Add one under agents/, then `loop apply`.";
  return agents.map((agent) => [headOf(agent, look), ...powerLines(agent, look), `  ${toned(factsOf(agent, look), "quiet", look)}`].join("\n")).join("\n\n");
}

/** One agent whole, with its file as it is in force. */
export function agentText(agent: AgentShape & { readonly revision: number; readonly manifest: Readonly<Record<string, unknown>> }, look: Look): string {
  const shown = Object.entries(agent.manifest).filter(([name]) => !["apiVersion", "kind", "name", "description", "instructions"].includes(name));
  const { instructions } = agent.manifest;
  const text = typeof instructions === "string" && instructions !== "" ? [toned("instructions", "calm", look), plain(instructions.trim())] : [];
  return [
    [headOf(agent, look), ...powerLines(agent, look)].join("\n"),
    pairsText(
      [
        ["file", `${plainLine(agent.source)}, revision ${agent.revision}`],
        ["spent", budgetWords(agent)],
        ["runs", runWords(agent, look)],
        ...shown.map(([name, value]) => [name, plainLine(typeof value === "string" ? value : JSON.stringify(value))] as const),
      ],
      look,
    ),
    ...(text.length > 0 ? [text.join("\n")] : []),
  ].join("\n\n");
}

const headOf = ({ name, description }: AgentShape, look: Look): string =>
  `${toned(plainLine(name), "strong", look)}${description === "" ? "" : `  ${plainLine(description)}`}`;

function powerLines({ power, tools }: AgentShape, look: Look): string[] {
  const lines = power.length > 0 ? power : [tools.length === 0 ? "may call no tools" : "has no power of its own"];
  return lines.flatMap((words) => wrapped(`· ${plainLine(words)}`, look.width - 2).map((line) => `  ${line}`));
}

const factsOf = (agent: AgentShape, look: Look): string => `spent ${budgetWords(agent)}; runs ${runWords(agent, look)}`;

function budgetWords({ budgets }: AgentShape): string {
  if (budgets.length === 0) return "no budget of its own";
  return budgets
    .map(({ period, capNanos, spentNanos }) => {
      const cap = capNanos === null ? "" : `${moneyText(capNanos)} a ${period}`;
      return period === "run" || period === "ticket" ? `up to ${cap}` : `${moneyText(spentNanos)} of ${cap}`;
    })
    .join(", ");
}

const runWords = ({ runs: { total, open, lastAt } }: AgentShape, look: Look): string =>
  total === 0 ? "none yet" : `${total}${open > 0 ? `, ${open} open` : ""}, the last ${agoText(lastAt!, look.nowMs)}`;

const DIGITS = 12;

export function revisionsText(revisions: readonly RevisionShape[], look: Look): string {
  if (revisions.length === 0) return "Nothing was ever in force.";
  return tableText(
    revisions,
    [
      { head: "revision", cell: ({ number }) => String(number), align: "right" },
      { head: "kind", cell: ({ kind }) => kind },
      { head: "by", cell: ({ author }) => plainLine(author), least: 8 },
      { head: "when", cell: ({ at }) => agoText(at, look.nowMs), align: "right" },
      { head: "digest", cell: ({ digest }) => digest.slice(0, DIGITS) },
      { head: "note", cell: ({ note }) => plainLine(note), least: 12 },
    ],
    look,
  );
}
