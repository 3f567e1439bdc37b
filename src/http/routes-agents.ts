import { z } from "zod";
import { powerOf } from "#src/apply/plan/agents.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { nanosOfUsd } from "#src/ledger/money.ts";
import { type BudgetLeft, budgetsLeft } from "#src/ledger/reports.ts";
import { countRuns, type RunCount } from "#src/runs/store/state.ts";
import type { Agent, Workspace } from "#src/workspace/model.ts";
import { nearest } from "#src/workspace/nearest.ts";
import type { App } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { idParams, isoOf } from "./query.ts";

const agentView = z
  .object({
    name: z.string(),
    description: z.string(),
    runner: z.enum(["auto", "model", "rules", "command"]),
    procedure: z.string(),
    source: z.string().describe("its file"),
    tools: z.array(z.string()),
    power: z.array(z.string()).describe("what it may do, in words that go on after its name"),
    budgets: z.array(
      z.object({
        name: z.string(),
        period: z.enum(["run", "ticket", "day", "month"]),
        capNanos: z.int().nullable(),
        spentNanos: z.int(),
        reservedNanos: z.int(),
        onReach: z.enum(["block", "pause", "warn"]),
      }),
    ),
    runs: z.object({ total: z.int(), open: z.int(), lastAt: z.string().nullable() }),
  })
  .meta({ id: "Agent" });

export function agentRoutes(app: App, deps: HttpDeps): void {
  app.get(
    "/v1/agents",
    {
      config: { access: "read" },
      schema: {
        summary: "The agents in force: what each may do, what it spent, how much it ran.",
        tags: ["agents"],
        response: { 200: z.object({ agents: z.array(agentView) }) },
      },
    },
    async () => {
      const { workspace } = await deps.workspaces.current();
      return { agents: await viewAgents(deps, workspace, workspace.agents) };
    },
  );
  app.get(
    "/v1/agents/:id",
    {
      config: { access: "read" },
      schema: {
        summary: "One agent by its name, with its file as it is in force.",
        tags: ["agents"],
        params: idParams,
        response: { 200: z.object({ ...agentView.shape, revision: z.int(), manifest: z.record(z.string(), z.unknown()) }) },
      },
    },
    async ({ params }) => {
      const { revision, workspace } = await deps.workspaces.current();
      const agent = requireAgent(workspace, params.id);
      const [view] = await viewAgents(deps, workspace, [agent]);
      const { source: _source, ...manifest } = agent;
      return { ...view!, revision, manifest: { ...manifest } };
    },
  );
}

function requireAgent({ agents }: Workspace, name: string): Agent {
  const agent = agents.find((known) => known.name === name);
  if (agent) return agent;
  const names = agents.map((known) => known.name);
  const meant = nearest(name, names);
  throw new LoopError(
    "agent_unknown",
    `There is no agent ${JSON.stringify(name.slice(0, 64))}.${meant === undefined ? "" : ` Did you mean ${meant}?`} Known: ${names.join(", ") || "none"}.`,
  );
}

async function viewAgents({ db, clock }: HttpDeps, workspace: Workspace, agents: readonly Agent[]): Promise<z.infer<typeof agentView>[]> {
  const budgets = workspace.budgets.filter(({ scope }) => "agent" in scope);
  const [left, runs] = await Promise.all([budgetsLeft(db, budgets, { nowMs: clock.nowMs(), timeZone: workspace.manifest.timeZone }), countRuns(db)]);
  return agents.map((agent) => {
    const { name, description, runner, procedure, source, tools } = agent;
    return {
      name,
      description,
      runner,
      procedure,
      source,
      tools,
      power: powerOf(agent, workspace),
      budgets: burnOf(name, workspace, left),
      runs: runsOf(name, runs),
    };
  });
}

/** Those of a run or a ticket have no burn of their own here: each run has its own. */
function burnOf(agent: string, { budgets }: Workspace, left: readonly BudgetLeft[]) {
  return budgets
    .filter(({ scope }) => "agent" in scope && scope.agent === agent)
    .map(({ name, period, capUsd, onReach }) => {
      const state = left.find((one) => one.budget === name && one.subject === `agent=${agent}`);
      return {
        name,
        period,
        capNanos: capUsd === undefined ? null : nanosOfUsd(capUsd),
        spentNanos: state?.spentNanos ?? 0,
        reservedNanos: state?.reservedNanos ?? 0,
        onReach,
      };
    });
}

function runsOf(agent: string, counts: readonly RunCount[]) {
  const found = counts.find((count) => count.agent === agent);
  return { total: found?.total ?? 0, open: found?.open ?? 0, lastAt: found ? isoOf(found.lastAtMs) : null };
}
