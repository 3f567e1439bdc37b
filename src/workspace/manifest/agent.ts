import { z } from "zod";
import { agentCommand } from "./command.ts";
import { approvers, duration, expiryStep, header, slug, usd } from "./common.ts";
import { modelName } from "./workspace.ts";

/** A tool by its whole name, such as `github.issues.write`, or a group of them with `.*` at the end. */
const toolPattern = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]*(\.[A-Za-z0-9_-]+)*(\.\*)?$/, "expected the name of a tool such as github.issues.read, or a group such as github.*");

/** Acts by name; `*` stands for any run of characters. */
const actPattern = z.string().regex(/^[A-Za-z0-9_.*-]+$/, "expected the name of an act such as github.issues.write, where * stands for anything");

/** What kinds of thinking there are is open: a caller, a trigger or a procedure names them. */
export const taskKind = slug;

const agentModels = z
  .strictObject({
    /** For every task that no route names. */
    default: modelName.optional(),
    /** The first that names the task kind wins; `tier` of the task is looked at only where no route does. */
    routes: z.array(z.strictObject({ tasks: z.array(taskKind).min(1), model: modelName })).default([]),
    tiers: z.strictObject({ fast: modelName.optional(), strong: modelName.optional() }).default({}),
    /** Tried in order when a model fails in a way that another may not. */
    fallbacks: z.array(modelName).optional(),
    maxOutputTokens: z.int().min(16).max(200_000).optional(),
    temperature: z.number().min(0).max(2).optional(),
    reasoningEffort: z.enum(["low", "medium", "high"]).optional(),
    /** Where neither the caller nor a trigger names the task: its purpose, or one cheap call of the fast tier that picks among those of the routes. */
    taskFrom: z.enum(["purpose", "classifier"]).default("purpose"),
  })
  .refine(({ taskFrom, routes }) => taskFrom === "purpose" || routes.length > 0, "expected routes: the classifier picks among the tasks that they name");

/** Over what policy says: it can only ask more often. */
const agentApprovals = z.strictObject({
  requireFor: z.array(actPattern).min(1),
  approvers: approvers.optional(),
  quorum: z.int().min(1).max(20).default(1),
  /** Whoever brought the work cannot approve its acts. */
  separation: z.boolean().default(false),
  expiry: z.array(expiryStep).default([]),
});

const agentBudget = z
  .strictObject({
    monthlyUsd: usd.optional(),
    dailyUsd: usd.optional(),
    perRunUsd: usd.optional(),
    perTicketUsd: usd.optional(),
    onReach: z.enum(["block", "pause", "warn"]).default("block"),
  })
  .refine(
    (caps) => [caps.monthlyUsd, caps.dailyUsd, caps.perRunUsd, caps.perTicketUsd].some((cap) => cap !== undefined),
    "expected monthlyUsd, dailyUsd, perRunUsd or perTicketUsd",
  );

const MEMORY_SCOPES = ["channel", "agent", "workspace", "ticket", "person"] as const;

const agentMemory = z.strictObject({
  /** What is remembered in one of these is not recalled in another. */
  scope: z.enum(MEMORY_SCOPES).default("channel"),
  retention: duration.default(90 * 86_400_000),
});

/**
 * `agents/<name>.yaml`. `auto` thinks with a model where the workspace has one, else with the rules runner; what it produced says which. `command` starts a program,
 * such as a coding agent.
 */
export const agentManifest = z
  .strictObject({
    ...header,
    kind: z.literal("Agent"),
    name: slug,
    description: z.string().default(""),
    runner: z.enum(["auto", "model", "rules", "command"]).default("auto"),
    /** With the runner `command`: what it starts. */
    command: agentCommand.optional(),
    procedure: z.enum(["desk", "chat"]).default("desk"),
    instructions: z.string().default(""),
    /** Tickets whose labels have all of these come here first; none: any ticket. */
    handles: z.strictObject({ labels: z.record(z.string(), z.string()).default({}) }).prefault({}),
    /** Where people reach this agent; left out: wherever a message is routed to it. */
    surfaces: z.array(z.strictObject({ surface: slug, channel: z.string().min(1).optional() })).default([]),
    models: agentModels.optional(),
    /** The tools that this agent may call, and no other: to be listed here is to be allowed, unless policy or `approvals` ask or deny. */
    tools: z.array(toolPattern).default([]),
    approvals: agentApprovals.optional(),
    budget: agentBudget.optional(),
    memory: agentMemory.optional(),
    /** Agents that may take a run over from this one. */
    handoffs: z.array(slug).default([]),
    /** Agents that this one may give a part of the work to; each works in a run of its own, with no more authority than the giver has. */
    delegates: z.array(slug).default([]),
    /** Exchanges of the same conversation that a new turn begins with: the last ones that were completed and delivered. */
    history: z.int().min(0).max(200).default(20),
    maxTurns: z.int().min(1).max(200).optional(),
    /** Runs of this agent that may be moving at the same time; left out: no bound of its own. */
    concurrency: z.int().min(1).max(1_000).optional(),
  })
  .refine(({ runner, command }) => (runner === "command") === (command !== undefined), {
    path: ["command"],
    message: "expected `command` with the runner command, and with no other",
  });
export type AgentManifest = z.infer<typeof agentManifest>;
