import { z } from "zod";
import { LAYERS } from "#src/brain/item.ts";
import type { Recall } from "#src/brain/retrieve.ts";

const hitView = z.object({
  id: z.string(),
  layer: z.enum(LAYERS),
  title: z.string(),
  snippet: z.string(),
  source: z.string(),
  score: z.number().describe("0 to 1"),
  why: z.string(),
  trust: z.string(),
  labels: z.record(z.string(), z.string()),
});

export const recallView = z
  .object({ hits: z.array(hitView), meaning: z.enum(["used", "off", "unavailable"]).describe("whether an embedder took part") })
  .meta({ id: "Recall" });

export function viewRecall({ hits, meaning }: Recall): z.infer<typeof recallView> {
  return { hits: [...hits], meaning };
}
