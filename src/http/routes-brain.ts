import { z } from "zod";
import { LAYERS, WORKSPACE_SCOPE } from "#src/brain/item.ts";
import type { Skill } from "#src/workspace/model.ts";
import type { App } from "./app.ts";
import { recallView, viewRecall } from "./brain-view.ts";
import type { HttpDeps } from "./deps.ts";
import { choices, labelFilter, limit, text } from "./query.ts";

const skillView = z
  .object({
    name: z.string(),
    description: z.string(),
    source: z.string(),
    category: z.string().nullable().describe("null: a plain Agent Skill"),
    triggers: z.object({ phrases: z.array(z.string()), labels: z.record(z.string(), z.string()) }).nullable(),
    steps: z.array(z.object({ act: z.string(), note: z.string() })),
    preferredVendors: z.array(z.string()),
    costCapUsd: z.number().nullable(),
    sources: z.object({ tickets: z.array(z.string()), layers: z.array(z.string()), by: z.string(), at: z.string() }).nullable(),
    body: z.string(),
  })
  .meta({ id: "Skill" });

export function brainRoutes(app: App, { recall, workspaces }: HttpDeps): void {
  app.get(
    "/v1/brain",
    {
      config: { access: "read" },
      schema: {
        summary: "What is known that fits a text, with source, score and why.",
        tags: ["brain"],
        querystring: z.strictObject({
          q: text(8_000).refine((words) => words.trim() !== "", "expected what to look for"),
          label: labelFilter,
          category: text(64).optional(),
          layer: choices(LAYERS),
          limit: limit(5, 50),
        }),
        response: { 200: recallView },
      },
    },
    async ({ query }) => {
      const { q, label, category, layer, limit: limitPerLayer } = query;
      return viewRecall(
        await recall({
          text: q,
          labels: label,
          categories: category === undefined ? [] : [category],
          scopes: [WORKSPACE_SCOPE],
          limitPerLayer,
          ...(layer.length === 0 ? {} : { layers: layer }),
        }),
      );
    },
  );
  app.get(
    "/v1/skills",
    { config: { access: "read" }, schema: { summary: "The skills in force.", tags: ["brain"], response: { 200: z.object({ skills: z.array(skillView) }) } } },
    async () => ({ skills: (await workspaces.current()).workspace.skills.map(viewSkill) }),
  );
}

function viewSkill({ name, description, source, metadata, body }: Skill): z.infer<typeof skillView> {
  return {
    name,
    description,
    source,
    category: metadata?.category ?? null,
    triggers: metadata?.triggers ?? null,
    steps: metadata?.steps ?? [],
    preferredVendors: metadata?.preferredVendors ?? [],
    costCapUsd: metadata?.costCapUsd ?? null,
    sources: metadata?.sources ?? null,
    body,
  };
}
