import { z } from "zod";
import type { Agent } from "../model.ts";
import { type AgentManifest, agentManifest, taskKind } from "./agent.ts";
import { API_VERSION, slug } from "./common.ts";

export const OPENLOOP_VERSION = "openloop.ai/v1alpha1";

const word = z
  .string()
  .regex(/^[A-Za-z0-9_-]+([.:][A-Za-z0-9_-]+)*$/, "expected letters, digits, _ and -, with dots or colons between them, such as issues:write");

const model = z.string().regex(/^[a-z0-9-]+\/\S+$/, "expected provider/model, such as anthropic/claude-sonnet-4-6");

const usd = z.number().nonnegative().finite().nullable().optional();

/** An Agent file of OpenLoop, as it is documented there: read unchanged. */
export const openLoopAgent = z.strictObject({
  apiVersion: z.literal(OPENLOOP_VERSION),
  kind: z.literal("Agent"),
  metadata: z.strictObject({ name: slug, workspace: z.string().min(1) }),
  spec: z.strictObject({
    description: z.string().default(""),
    instructions: z.string().default(""),
    surfaces: z.array(z.strictObject({ type: slug, channel: z.string().min(1).nullable().optional() })).default([]),
    memory: z
      .strictObject({
        scope: z.enum(["channel", "agent", "workspace"]).default("channel"),
        backend: z.string().default("postgres"),
        retention_days: z.int().min(1).max(36_500).default(90),
      })
      .prefault({}),
    model_policy: z.strictObject({
      default: model,
      routes: z.array(z.strictObject({ match: z.strictObject({ task: taskKind }), model })).default([]),
    }),
    tools: z
      .array(
        z
          .strictObject({
            name: slug,
            type: z.enum(["native", "mcp"]).default("native"),
            server: slug.nullable().optional(),
            permissions: z.array(word).default([]),
          })
          .refine(({ type, server }) => type === "mcp" || !server, "expected type: mcp for a tool that names a server"),
      )
      .default([]),
    approvals: z.strictObject({ require_for: z.array(word).default([]), approvers: z.array(z.string().min(1)).default([]) }).prefault({}),
    budget: z.strictObject({ monthly_usd: usd, per_task_usd: usd, on_exceeded: z.enum(["block", "warn"]).default("block") }).prefault({}),
  }),
});
export type OpenLoopAgent = z.infer<typeof openLoopAgent>;

/**
 * Such a file in our words, but for who approves: that takes the teams. `notes`: what it says that means nothing here. `openLoop`: its own words for what it
 * may do.
 */
export function fromOpenLoop({ metadata, spec }: OpenLoopAgent): AgentManifest & Pick<Agent, "notes" | "openLoop"> {
  const toolOf = toolNames(spec.tools);
  const actions = spec.tools.flatMap(({ name, permissions }) => permissions.map((permission) => `${name}.${permission}`));
  const agent = agentManifest.parse({
    apiVersion: API_VERSION,
    kind: "Agent",
    name: metadata.name,
    description: spec.description,
    instructions: spec.instructions,
    runner: "model",
    procedure: "chat",
    surfaces: spec.surfaces.map(({ type, channel }) => ({ surface: type, ...(channel ? { channel } : {}) })),
    models: {
      default: modelOf(spec.model_policy.default),
      routes: spec.model_policy.routes.map((route) => ({ tasks: [route.match.task], model: modelOf(route.model) })),
    },
    tools: actions.map(toolOf),
    memory: { scope: spec.memory.scope, retention: `${spec.memory.retention_days}d` },
    ...budgetOf(spec.budget),
    ...(spec.approvals.require_for.length > 0 ? { approvals: { requireFor: spec.approvals.require_for.map(toolOf) } } : {}),
  });
  const openLoop = { workspace: metadata.workspace, actions: Object.fromEntries(actions.map((action) => [action, toolOf(action)])) };
  return { ...agent, notes: notesOf({ spec, metadata }), openLoop };
}

/** `anthropic/claude-sonnet-4-6` as `anthropic:claude-sonnet-4-6`; what follows the first slash stays as it is. */
const modelOf = (name: string): string => name.replace("/", ":");

/** An act of theirs is named by the tool, one of ours by the server that the tool comes from; `issues:write` of a connector is `issues.write` here. */
function toolNames(tools: OpenLoopAgent["spec"]["tools"]): (action: string) => string {
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  return (action) => {
    const [name, ...permission] = action.split(".");
    const tool = byName.get(name!);
    const words = permission.join(".");
    return `${tool?.server ?? name}.${tool?.type === "mcp" ? words : words.replaceAll(":", ".")}`;
  };
}

function budgetOf({ monthly_usd: month, per_task_usd: task, on_exceeded: onReach }: OpenLoopAgent["spec"]["budget"]) {
  const caps = { ...(typeof month === "number" ? { monthlyUsd: month } : {}), ...(typeof task === "number" ? { perRunUsd: task } : {}) };
  return Object.keys(caps).length > 0 ? { budget: { ...caps, onReach } } : {};
}

function notesOf({ spec, metadata }: Pick<OpenLoopAgent, "spec" | "metadata">): string[] {
  const { approvals, memory, tools } = spec;
  const bare = tools.filter(({ permissions }) => permissions.length === 0).map(({ name }) => name);
  return [
    `is an agent of OpenLoop, made for its workspace ${metadata.workspace}`,
    ...(memory.backend === "postgres" ? [] : [`asks for the memory backend ${memory.backend}; what it remembers is kept in the record, in Postgres`]),
    ...(bare.length > 0 ? [`lists ${bare.join(", ")} without permissions, which gives it no tool`] : []),
    ...(approvals.require_for.length === 0 && approvals.approvers.length > 0 ? ["names approvers and nothing that they approve"] : []),
  ];
}
