import type { AskShape, CostGroupShape, ReadyShape, TicketShape } from "../client/shapes.ts";
import type { WorkspaceShape } from "../client/workspace-shapes.ts";
import { judgeWords } from "./judge.ts";
import { type Look, statusWord, toned } from "./look.ts";
import { spentText } from "./money.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { tellAgentText } from "./tell-agent.ts";
import { pairsText } from "./table.ts";

export interface StatusFacts {
  readonly ready: ReadyShape;
  readonly asks: readonly AskShape[];
  /** The newest. */
  readonly tickets: readonly TicketShape[];
  readonly costs: CostGroupShape | undefined;
  readonly workspace: WorkspaceShape;
  readonly credentials: { readonly url: string; readonly handle: string } | undefined;
  readonly homeFolder: string;
  readonly command: string;
}

/** What needs a person first, then whether it works, then the rest. */
export function statusText(facts: StatusFacts, look: Look): string {
  const { ready, asks, tickets, costs, credentials, homeFolder, workspace } = facts;
  const needs =
    asks.length === 0
      ? toned("Nothing needs you.", "good", look)
      : toned(`? ${asks.length} ${asks.length === 1 ? "question needs" : "questions need"} a person: ${facts.command} asks`, "ask", look);
  const health = ready.degraded === undefined ? toned("+ works", "good", look) : toned(`! ${plainLine(ready.degraded)}`, "bad", look);
  const freeMb = ready.parts?.["freeMb"];
  return [
    needs,
    ...(workspace.wantsAgent ? [tellAgentText(facts.command)] : []),
    pairsText(
      [
        ["server", `${health}, version ${plainLine(ready.version)}, ${credentials?.url ?? "no address"}`],
        ["home", homeFolder],
        ["you are", credentials?.handle ?? "nobody"],
        ["workspace", workspaceWords(facts, look)],
        ["judge", judgeWords(facts.workspace.judge, look)],
        ...(freeMb === undefined ? [] : [["disk", `${plainLine(freeMb)} MB free`] as const]),
        ["tickets", ticketWords(tickets, look)],
        ["spent", costs === undefined ? "nothing: no model was called" : spentText(costs)],
      ],
      look,
    ),
  ].join("\n\n");
}

function ticketWords(tickets: readonly TicketShape[], look: Look): string {
  const counts = Map.groupBy(tickets, ({ status }) => status);
  return [...counts].map(([status, of]) => `${of.length} ${statusWord(status, look)}`).join(", ") || "none yet";
}

function workspaceWords({ workspace: { name, revision, problems, waiting, request }, command }: StatusFacts, look: Look): string {
  const trouble = problems.map(({ file, line, seen, expected }) => toned(`! ${plainLine(`${file}:${line}: seen ${seen}. Expected ${expected}`)}`, "bad", look));
  const files = [...new Set(waiting.map(({ file }) => plainLine(file)))];
  const waits =
    waiting.length === 0
      ? []
      : [
          toned(
            `? ${waiting.length} ${waiting.length === 1 ? "change" : "changes"} by hand ${waiting.length === 1 ? "waits" : "wait"} in ${shortList(files)}: ${command} plan`,
            "ask",
            look,
          ),
        ];
  return [`${plainLine(name)}, revision ${revision}`, ...trouble, ...waits, ...requestWords(request, look)].join("; ");
}

const FILES_SHOWN = 3;
const shortList = (files: readonly string[]): string =>
  files.length <= FILES_SHOWN ? files.join(", ") : `${files.slice(0, FILES_SHOWN).join(", ")} and ${files.length - FILES_SHOWN} more`;

/** A wish that waits for an approval, or that was approved and could not be done. */
function requestWords(request: WorkspaceShape["request"], look: Look): string[] {
  if (request?.state === "open") return [toned(`? somebody asks to widen power: ${plainLine(request.ask ?? "")}`, "ask", look)];
  return request?.state === "refused" ? [toned(`! what was approved was not applied: ${plainLine(request.reason ?? "")}`, "bad", look)] : [];
}
