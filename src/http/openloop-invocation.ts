import { z } from "zod";
import { type Act, isSettled } from "#src/acts/act.ts";
import type { Approvers, Ask } from "#src/asks/ask.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { plainLine } from "#src/kernel/plain.ts";
import type { RunState } from "#src/runs/run.ts";
import type { Agent, OpenLoopWords } from "#src/workspace/model.ts";

/** An agent whose file is one of OpenLoop. */
export type OpenLoopAgent = Agent & { readonly openLoop: OpenLoopWords };

/** How OpenLoop answers an action that was wanted. */
export const invocationView = z.object({
  status: z.enum(["executed", "pending_approval", "forbidden", "denied"]),
  message: z.string(),
  result: z.object({ ok: z.boolean(), summary: z.string(), data: z.unknown() }).nullable(),
  approval_id: z.string().nullable(),
});
export type Invocation = z.infer<typeof invocationView>;

export const forbidden = (message: string): Invocation => ({ status: "forbidden", message, result: null, approval_id: null });
export const denied = (message: string, approval: string): Invocation => ({ status: "denied", message, result: null, approval_id: approval });

/** The action as the file names it, by the name of the tool here. */
export const actionOf = ({ openLoop }: OpenLoopAgent, tool: string): string => Object.entries(openLoop.actions).find(([, name]) => name === tool)?.[0] ?? tool;

const LONGEST = 200;
const word = (args: Json, name: string): string | undefined => {
  const value = typeof args === "object" && args !== null ? (args as { readonly [key: string]: Json })[name] : undefined;
  return typeof value === "string" || typeof value === "number" ? plainLine(String(value)).slice(0, LONGEST) : undefined;
};

/** What an action would do, in one line. */
export function summaryOf(agent: OpenLoopAgent, { name, args }: Pick<Act, "name" | "args">): string {
  const [repo, title] = [word(args, "repo"), word(args, "title")];
  if (name.endsWith(".issues.write") && repo && title) return `create issue in ${repo}: ${title}`;
  if (name.endsWith(".pulls.write") && repo && title) return `open PR in ${repo} (${word(args, "head") ?? "?"} → ${word(args, "base") ?? "main"}): ${title}`;
  return actionOf(agent, name);
}

/** People by their handles, roles by their names, teams as `@team`. */
export const approversOf = ({ roles, names, groups = [] }: Approvers): string[] => [
  ...names.map((name) => `@${name}`),
  ...groups.map((group) => `@${group}`),
  ...roles,
];

/** How the act that was wanted stands; undefined: it is not decided yet, or at work. `wanted`: which; left out, the last of the run. */
export function invocationOf(agent: OpenLoopAgent, { acts, asks }: Pick<RunState, "acts" | "asks">, wanted?: string): Invocation | undefined {
  const act = wanted === undefined ? acts.at(-1) : acts.find(({ id }) => id === wanted);
  const ask = asks.findLast(({ actId, kind }) => actId === act?.id && kind === "approval");
  if (!act) return undefined;
  if (act.state === "asked" && ask?.state === "open") return pending(agent, act, ask);
  return isSettled(act.state) ? settled(agent, act, ask) : undefined;
}

function pending(agent: OpenLoopAgent, act: Act, ask: Ask): Invocation {
  const who = approversOf(ask.approvers).join(", ");
  const message = `⏳ Write action (${summaryOf(agent, act)}) — approval required. ${who}: approve ${ask.id}?`;
  return { status: "pending_approval", message, result: null, approval_id: ask.id };
}

function settled(agent: OpenLoopAgent, act: Act, ask: Ask | undefined): Invocation {
  const summary = summaryOf(agent, act);
  const approval_id = ask?.id ?? null;
  if (act.state === "done") return { status: "executed", message: summary, result: { ok: true, summary, data: act.result }, approval_id };
  const why = act.error?.message ?? `the action was ${act.state}`;
  if (act.state === "failed") return { status: "executed", message: why, result: { ok: false, summary: why, data: null }, approval_id };
  return ask && ask.state !== "open" ? denied(ask.answer === "deny" ? "action denied" : why, ask.id) : forbidden(why);
}
