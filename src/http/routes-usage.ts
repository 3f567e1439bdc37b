import { z } from "zod";
import { USAGE_GROUPS, usageReport } from "#src/ledger/usage.ts";
import type { App } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { moment } from "./query.ts";

const milliseconds = z.number().nullable().describe("milliseconds; null: nothing was measured");

const usageView = z
  .object({
    key: z.string().nullable().describe("null: calls without one"),
    calls: z.int(),
    failed: z.int().describe("attempts that gave no answer"),
    inputTokens: z.int(),
    cachedTokens: z.int().describe("of the input"),
    outputTokens: z.int(),
    reasoningTokens: z.int().describe("of the output"),
    costNanos: z.int().describe("cash of the calls whose cost is known"),
    unknownCalls: z.int().describe("calls whose cost is unknown"),
    meanMs: milliseconds,
    p95Ms: milliseconds,
    p99Ms: milliseconds,
  })
  .meta({ id: "Usage" });

export function usageRoutes(app: App, { db }: HttpDeps): void {
  app.get(
    "/v1/usage",
    {
      config: { access: "read" },
      schema: {
        summary: "How models were used: tokens, cost, how long they took, how often they failed; per agent, model, service, session, purpose or run.",
        tags: ["costs"],
        querystring: z.strictObject({ by: z.enum(USAGE_GROUPS).default("agent"), from: moment.optional(), to: moment.optional() }),
        response: { 200: z.object({ groups: z.array(usageView) }) },
      },
    },
    async ({ query }) => ({ groups: await usageReport(db, { by: query.by, fromMs: query.from ?? 0, toMs: query.to ?? null }) }),
  );
}
