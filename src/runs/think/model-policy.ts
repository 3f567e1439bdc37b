import type { Agent } from "#src/workspace/model.ts";
import type { RunState } from "../run.ts";
import type { Thought } from "./answer.ts";
import type { ThoughtKind } from "./thought-kind.ts";
import type { ModelTiers } from "./tiers.ts";

/** The name of the thought that finds out what kind of work a run is. */
export const TASK_PURPOSE = "task";

/** A kind of work, such as `code`, and who said that it is one. */
export interface TaskKind {
  readonly name: string;
  readonly by: string;
}

/** Models for one thought, best first, and why the first of them. */
export interface ModelChoice {
  readonly candidates: readonly string[];
  readonly why: string;
}

type HasModels = Pick<Agent, "models" | "source">;

/** What kind of work a thought is: its own kind, else the one that came with the work, else what the classifier found, else its purpose. */
export function taskOf({ run, messages }: Pick<RunState, "run" | "messages">, { purpose, task }: Pick<ThoughtKind, "purpose" | "task">): TaskKind {
  if (task !== undefined) return { name: task, by: "its purpose" };
  if (run.limits.task !== undefined) return { name: run.limits.task, by: "whoever brought the work" };
  const found = messages.findLast(({ role, name }) => role === "thought" && name === TASK_PURPOSE)?.content as unknown as Thought | undefined;
  const value = found && "value" in found ? (found.value as { task?: string }).task : undefined;
  return value === undefined || value === OTHER_TASK ? { name: purpose, by: "its purpose" } : { name: value, by: "the classifier" };
}

/** What the classifier says when no kind fits. */
export const OTHER_TASK = "other";

/** The first route that names the task, else the agent's own tier, else its default, else the tier of the workspace. Pure. */
export function modelsFor(agent: HasModels | undefined, wish: { readonly task: TaskKind; readonly tier: keyof ModelTiers }, tiers: ModelTiers): ModelChoice {
  const { task, tier } = wish;
  const usual = tiers[tier];
  const own = agent?.models;
  const at = own?.routes.findIndex(({ tasks }) => tasks.includes(task.name)) ?? -1;
  const choices: readonly (readonly [string | undefined, string])[] = [
    [own?.routes[at]?.model, `route ${at + 1} of ${agent?.source}, for ${task.name}`],
    [own?.tiers[tier], `tier ${tier} of ${agent?.source}`],
    [own?.default, `default of ${agent?.source}`],
    [usual[0], `tier ${tier} of the workspace`],
  ];
  const [best, from] = choices.find(([model]) => model !== undefined) ?? [undefined, ""];
  if (best === undefined) return { candidates: [], why: `nothing names a model for the tier ${tier}` };
  return { candidates: [...new Set([best, ...(own?.fallbacks ?? usual.slice(1))])], why: `${from}; the task is ${task.name} by ${task.by}` };
}

/** Whether an agent that says `auto` thinks with a model here. */
export function hasModel(agent: HasModels, tiers: ModelTiers): boolean {
  return modelsFor(agent, { task: { name: "", by: "" }, tier: "strong" }, tiers).candidates.length > 0;
}
