import { z } from "zod";
import { rulesOf } from "#src/acts/gate.ts";
import { explain } from "#src/policy/explain.ts";
import type { ProposedAct } from "#src/policy/proposed-act.ts";
import { TRUSTS } from "#src/policy/trust.ts";
import { labels, usd } from "#src/workspace/manifest/common.ts";
import type { App } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { text } from "./query.ts";

const proposedAct = z
  .strictObject({
    kind: z.enum(["model", "tool", "worker", "message", "shell", "push", "handoff", "check"]),
    name: text(200).min(1, "expected the name of the act"),
    effect: z.enum(["read", "idempotent", "findable", "once"]),
    agent: text(64).optional(),
    risk: z.enum(["low", "medium", "high"]).optional(),
    severity: z.int().min(1).max(5).optional(),
    costUsd: usd.nullable().optional().describe("null: unknown; left out: the act costs nothing"),
    labels: labels.optional(),
    taint: z.array(z.enum(TRUSTS)).optional(),
    path: text(1_000).optional(),
  })
  .meta({ id: "ProposedAct" });

const outcome = z.enum(["allow", "ask", "deny"]);

const explanationView = z
  .object({
    decision: z.object({
      outcome,
      rule: z.string(),
      why: z.string(),
      matched: z.array(z.string()).readonly(),
      approvers: z.unknown().optional(),
      quorum: z.int().optional(),
      expiry: z.array(z.unknown()).readonly().optional(),
    }),
    rules: z.array(z.object({ rule: z.string(), source: z.string(), outcome, matched: z.boolean(), because: z.string() })).readonly(),
  })
  .meta({ id: "Explanation" });

export function policyRoutes(app: App, { workspaces }: HttpDeps): void {
  app.post(
    "/v1/policy/explain",
    {
      config: { access: "read" },
      schema: {
        summary: "What would happen if: the decision about an act, and why each rule applies or not. Changes nothing.",
        tags: ["policy"],
        body: proposedAct,
        response: { 200: explanationView },
      },
    },
    async ({ body }) => explain(rulesOf((await workspaces.current()).workspace), body as ProposedAct),
  );
}
