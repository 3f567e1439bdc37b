import type { ActShape, RunDetailShape } from "../client/shapes.ts";
import { draftOf } from "./draft.ts";
import { wokenWords } from "./judge.ts";
import { type Look, statusWord, toned } from "./look.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { recalledText } from "./recalled.ts";
import { tookOf } from "./run-list.ts";
import { costText } from "./story-text.ts";
import { type Column, pairsText, tableText } from "./table.ts";
import { agoText, clockText } from "./time.ts";

/** One run: what it is, what it did, what it asked, what it cost. What it said and what was checked stand apart. */
export function runText(run: RunDetailShape, look: Look): string {
  const pairs: [string, string][] = [
    ["run", `${run.id}${run.attempt > 1 ? `, attempt ${run.attempt}` : ""}`],
    ["state", `${statusWord(run.state, look)}${stateWords(run, look)}`],
    ["agent", `${plainLine(run.agent)}, runner ${run.runner}, procedure ${run.procedure}, revision ${run.revision} of the workspace`],
    ["ticket", run.ticketId ?? "none"],
    ...wokenWords(run.brief),
    ["started", `${agoText(run.createdAt, look.nowMs)}${run.endedAt === null ? ", still open" : `, took ${tookOf(run, look.nowMs)}`}`],
    ["turns", String(run.turns)],
    ["thought by", [...new Set(run.messages.filter(({ role }) => role === "thought").map(({ source }) => source))].join(", ") || "nobody yet"],
  ];
  const asks = run.asks.map(
    ({ id, kind, state, answer, settledBy }) =>
      `  ${statusWord(state, look)} ${kind} ${id}${answer === null ? "" : `: ${plainLine(answer)} by ${settledBy ?? "nobody"}`}`,
  );
  return [
    pairsText(pairs, look),
    ...actsText(run.acts, look),
    ...recalledText(run.acts, look),
    ...(asks.length > 0 ? [`${toned("asked", "quiet", look)}\n${asks.join("\n")}`] : []),
    costText(run.costs, look),
  ].join("\n\n");
}

/** Why, and until when where a provider turned the call away. */
function stateWords({ state, reason, acts }: RunDetailShape, look: Look): string {
  if (reason !== null) return `: ${plainLine(reason)}`;
  const error = state === "waiting" ? acts.findLast((act) => act.state === "waiting")?.error : undefined;
  if (!error?.retryAtMs) return "";
  return ` until ${clockText(new Date(error.retryAtMs).toISOString(), look.nowMs)}: ${plainLine(error.message)}`;
}

/** What went wrong, else which model was chosen and why, else whom a message goes to. */
function whatOf({ args, error, decision }: ActShape): string {
  const { chosen } = (decision ?? {}) as { chosen?: { readonly model: string; readonly why: string } };
  return error?.message ?? (chosen ? `${chosen.model}: ${chosen.why}` : (draftOf(args)?.name ?? "-"));
}

function actsText(acts: readonly ActShape[], look: Look): string[] {
  if (acts.length === 0) return [];
  const table: readonly Column<ActShape>[] = [
    { head: "act", cell: ({ kind, name }) => plainLine(`${kind} ${name}`), least: 12 },
    { head: "state", cell: ({ state }) => statusWord(state, look) },
    { head: "effect", cell: ({ effect }) => effect },
    { head: "tries", cell: ({ attempts }) => String(attempts), align: "right" },
    { head: "decided by", cell: ({ decision }) => plainLine((decision as { rule?: string } | null)?.rule ?? "-"), least: 10 },
    { head: "what", cell: (act) => plainLine(whatOf(act)), least: 10 },
  ];
  return [tableText(acts, table, look)];
}
