import { z } from "zod";
import { periodWindow } from "#src/ledger/period-window.ts";
import { costReport } from "#src/ledger/reports.ts";
import { recentCalls, type RecentCall } from "#src/ledger/usage.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { App } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import type { OpenLoopAgent } from "./openloop-invocation.ts";
import { isoOf, limit, text } from "./query.ts";
import { openLoopAgents, openLoopRoute } from "./routes-openloop.ts";

const NANOS = 1_000_000_000;
/** As OpenLoop writes it: six decimals. */
const usdOf = (nanos: number): number => Number((nanos / NANOS).toFixed(6));

const usageView = z.object({
  agent: z.string(),
  workspace: z.string(),
  month_to_date_usd: z.number(),
  monthly_budget_usd: z.number().nullable(),
  per_task_budget_usd: z.number().nullable(),
  on_exceeded: z.enum(["block", "warn", "pause"]),
});

const callView = z.object({
  agent: z.string(),
  channel: z.string().nullable(),
  surface: z.string().nullable(),
  user: z.string().nullable(),
  task_kind: z.string().nullable(),
  model: z.string(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  cost_usd: z.number().nullable(),
  outcome: z.string(),
  created_at: z.string(),
});

/** What agents of OpenLoop spent, out of the one ledger. */
export function openLoopUsageRoutes(app: App, deps: HttpDeps): void {
  const agentQuery = { agent: text(64).optional() };
  app.get(
    "/usage",
    { ...openLoopRoute(deps), config: { access: "read" }, schema: { hide: true, querystring: z.object(agentQuery), response: { 200: usageView } } },
    async ({ query }) => {
      const [agent] = named((await openLoopAgents(deps)).agents, query.agent);
      const { startMs, endMs } = periodWindow("month", "UTC", deps.clock.nowMs());
      const [spent] = await costReport(deps.db, { by: "all" }, { fromMs: startMs, toMs: endMs, agent: agent!.name });
      return {
        agent: agent!.name,
        workspace: agent!.openLoop.workspace,
        month_to_date_usd: usdOf(spent?.costNanos ?? 0),
        monthly_budget_usd: agent!.budget?.monthlyUsd ?? null,
        per_task_budget_usd: agent!.budget?.perRunUsd ?? null,
        on_exceeded: agent!.budget?.onReach ?? "block",
      };
    },
  );
  app.get(
    "/audit",
    {
      ...openLoopRoute(deps),
      config: { access: "read" },
      schema: { hide: true, querystring: z.object({ limit: limit(50, 500), ...agentQuery }), response: { 200: z.array(callView) } },
    },
    async ({ query }) => {
      const { agents } = await openLoopAgents(deps);
      const names = (query.agent === undefined ? agents : named(agents, query.agent)).map(({ name }) => name);
      return (await recentCalls(deps.db, { agents: names, limit: query.limit })).map(viewCall);
    },
  );
  healthRoute(app, deps);
}

/** The one that is named, else the first. @throws LoopError agent_unknown */
function named(agents: readonly OpenLoopAgent[], name: string | undefined): OpenLoopAgent[] {
  const found = name === undefined ? agents[0] : agents.find((agent) => agent.name === name);
  if (found) return [found];
  throw new LoopError("agent_unknown", `No agent of openloop.ai is called ${name!.slice(0, 64)}. Applied: ${agents.map((agent) => agent.name).join(", ")}.`);
}

function viewCall({
  agent,
  channel,
  surface,
  user,
  task,
  model,
  inputTokens,
  outputTokens,
  costNanos,
  state,
  code,
  atMs,
}: RecentCall): z.infer<typeof callView> {
  return {
    agent,
    channel,
    surface,
    user,
    task_kind: task,
    model,
    prompt_tokens: inputTokens ?? 0,
    completion_tokens: outputTokens ?? 0,
    cost_usd: costNanos === null ? (state === "denied" ? 0 : null) : usdOf(costNanos),
    outcome: state === "done" ? "ok" : state === "denied" ? "blocked" : (code ?? "failed"),
    created_at: isoOf(atMs),
  };
}

function healthRoute(app: App, deps: HttpDeps): void {
  const view = z.object({
    status: z.enum(["ok", "unavailable"]),
    agents: z.array(z.string()),
    providers: z.array(z.string()),
    memory: z.string(),
    usage: z.string(),
    tools: z.array(z.string()),
  });
  app.get(
    "/healthz",
    { ...openLoopRoute(deps), config: { access: "credential" }, schema: { hide: true, response: { 200: view, 503: view } } },
    async (_request, reply) => {
      const { ok } = await deps.health();
      const { agents } = await openLoopAgents(deps);
      return reply.code(ok ? 200 : 503).send({
        status: ok ? "ok" : "unavailable",
        agents: agents.map(({ name }) => name),
        providers: [...new Set(agents.flatMap(providersOf))],
        memory: "postgres",
        usage: "postgres",
        tools: [...new Set(agents.flatMap(({ openLoop }) => Object.keys(openLoop.actions)))],
      });
    },
  );
}

const providersOf = ({ models }: OpenLoopAgent): string[] =>
  [models?.default, ...(models?.routes ?? []).map(({ model }) => model)].flatMap((model) => (model === undefined ? [] : [model.split(":")[0]!]));
