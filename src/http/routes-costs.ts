import { z } from "zod";
import { budgetsLeft, costReport, forecast, type Grouping } from "#src/ledger/reports.ts";
import { raiseBudget } from "#src/runs/raise-budget.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { labelKey, slug, usd } from "#src/workspace/manifest/common.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { type App, callerOf, faceOf } from "./app.ts";
import { budgetView, costGroupView, forecastView } from "./cost-view.ts";
import type { HttpDeps } from "./deps.ts";
import { idOf } from "./ids.ts";
import { performOnce, send } from "./once.ts";
import { isoOf, isoOrNull, labelFilter, moment, text } from "./query.ts";

const PLAIN = ["all", "ticket", "run", "agent", "tier", "model", "day"] as const;

const grouping = z
  .string()
  .refine(
    (by) => PLAIN.some((known) => known === by) || (by.startsWith("label:") && labelKey.safeParse(by.slice(6)).success),
    `expected ${PLAIN.join(", ")} or label:<key>, such as label:property`,
  )
  .default("all");

const costQuery = z.strictObject({
  by: grouping,
  from: moment.optional(),
  to: moment.optional(),
  ticket: z.string().optional(),
  run: z.string().optional(),
  agent: text(64).optional(),
  label: labelFilter,
});

export function costRoutes(app: App, { db, clock, workspaces }: HttpDeps): void {
  app.get(
    "/v1/costs",
    {
      config: { access: "read" },
      schema: {
        summary: "What was spent, per group; the dearest first, days in order.",
        tags: ["costs"],
        querystring: costQuery,
        response: { 200: z.object({ groups: z.array(costGroupView) }) },
      },
    },
    async ({ query }) => {
      const { by, from, to, ticket, run, agent, label } = query;
      const filter = {
        fromMs: from ?? 0,
        labels: label,
        ...(to === undefined ? {} : { toMs: to }),
        ...(ticket === undefined ? {} : { ticketId: (await requireTicket(db, idOf("ticket", ticket))).id }),
        ...(run === undefined ? {} : { runId: idOf("run", run) }),
        ...(agent === undefined ? {} : { agent }),
      };
      return { groups: await costReport(db, groupingOf(by, (await workspaces.current()).workspace), filter) };
    },
  );
  app.get(
    "/v1/budgets",
    {
      config: { access: "read" },
      schema: { summary: "What is left of every budget.", tags: ["costs"], response: { 200: z.object({ budgets: z.array(budgetView) }) } },
    },
    async () => {
      const { manifest, budgets } = (await workspaces.current()).workspace;
      const left = await budgetsLeft(db, budgets, { nowMs: clock.nowMs(), timeZone: manifest.timeZone });
      return {
        budgets: left.map(({ startsAtMs, resetsAtMs, ...rest }) => ({
          ...rest,
          startsAt: resetsAtMs === null ? null : isoOf(startsAtMs),
          resetsAt: isoOrNull(resetsAtMs),
        })),
      };
    },
  );
}

export function budgetRaiseRoute(app: App, deps: HttpDeps): void {
  const { clock, workspaces } = deps;
  app.post(
    "/v1/budgets/:name/raise",
    {
      config: { access: "budgets:raise" },
      schema: {
        summary: "Grant a budget more for its present period. Whatever waits for that goes on.",
        tags: ["costs"],
        params: z.object({ name: text(200) }),
        body: z.strictObject({
          byUsd: usd.optional(),
          byTokens: z.int().positive().optional(),
          subject: text(300).optional().describe("such as property=warm_taipei_2br; left out where the budget has only one"),
          reason: text(2_000).min(1, "expected why"),
        }),
        response: { 200: z.object({ budget: z.string(), subject: z.string(), answered: z.int().describe("asks that this answered") }) },
      },
    },
    async (request, reply) => {
      const by = callerOf(request);
      const { workspace } = await workspaces.current();
      const answer = await performOnce(deps, request, async (joined) => {
        const asked = { budget: request.params.name, ...request.body, by, face: faceOf(request) };
        return { status: 200, body: await raiseBudget({ db: joined, clock, workspace }, asked) };
      });
      return send(reply, answer);
    },
  );
}

export function forecastRoute(app: App, { db, workspaces }: HttpDeps): void {
  app.get(
    "/v1/costs/forecast",
    {
      config: { access: "read" },
      schema: {
        summary: "What a run will probably cost, from finished runs like it; unknown when there are none.",
        tags: ["costs"],
        querystring: z.strictObject({ category: slug.optional(), label: labelFilter, agent: slug.optional() }),
        response: { 200: forecastView },
      },
    },
    async ({ query }) => {
      const labels = query.category === undefined ? query.label : { ...query.label, category: query.category };
      return forecast(db, { labels, agent: query.agent ?? usualAgent((await workspaces.current()).workspace) });
    },
  );
}

function groupingOf(by: string, { manifest }: Workspace): Grouping {
  if (by.startsWith("label:")) return { by: "label", key: by.slice(6) };
  if (by === "day") return { by: "day", timeZone: manifest.timeZone };
  return { by: by as Exclude<(typeof PLAIN)[number], "day"> };
}

const usualAgent = ({ manifest, agents }: Workspace): string => manifest.defaults.agent ?? agents[0]?.name ?? "";
