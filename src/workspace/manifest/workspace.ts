import { z } from "zod";
import { duration, header, labelKey, languageTag, slug, timeZone, usd } from "./common.ts";
import { providerEntry } from "./provider.ts";

export const modelName = z.string().regex(/^[a-z0-9-]+:\S+$/, "expected provider:model, such as anthropic:claude-haiku-4-5");

/** `loop.yaml`: the workspace itself and what its agents inherit. */
export const workspaceManifest = z.strictObject({
  ...header,
  kind: z.literal("Workspace"),
  name: slug,
  title: z.string().min(1).optional(),
  locale: languageTag.default("en"),
  timeZone: timeZone.default("UTC"),
  /** The label that says what a ticket is about, such as `property`; its values are the ids of the entities of that kind. */
  subject: labelKey.default("subject"),
  models: z
    .strictObject({ fast: modelName.optional(), strong: modelName.optional(), embedder: modelName.optional(), fallbacks: z.array(modelName).default([]) })
    .optional(),
  /** Prices that the shipped table lacks or has wrong: dollars for one million tokens. */
  prices: z.record(z.string(), z.strictObject({ inputUsd: usd, cachedUsd: usd.optional(), outputUsd: usd })).default({}),
  providers: z.record(slug, providerEntry).default({}),
  /** Commands of checks run in the sandbox; `off` runs them without one, and every receipt says so. */
  sandbox: z.enum(["required", "off"]).default("required"),
  /**
   * How many runs about the same thing may be moving at the same time: `{ property: 1 }` is one for each property, whichever agent works. The keys are kinds of
   * entities. A run that waits for a person, a provider or a timer does not count.
   */
  concurrency: z.record(labelKey, z.int().min(1).max(1_000)).default({}),
  defaults: z
    .strictObject({
      agent: slug.optional(),
      acknowledgeWithin: duration.default(30_000),
      maxTurns: z.int().min(1).max(200).default(20),
      maxOutputTokens: z.int().min(16).max(200_000).default(4_096),
    })
    .prefault({}),
});
export type WorkspaceManifest = z.infer<typeof workspaceManifest>;
