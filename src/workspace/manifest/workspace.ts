import { z } from "zod";
import { PERMISSIONS } from "#src/people/permission.ts";
import { duration, header, labelKey, languageTag, slug, timeZone, usd } from "./common.ts";
import { providerEntry } from "./provider.ts";

/** Who calls models through the gateway, in policies, budgets and the ledger: no agent of the workspace has the name. */
export const GATEWAY_AGENT = "gateway";

/** Who decides where the judge is inside, and by whose name whoever decides outside speaks. */
export const JUDGE_AGENT = "root";

const gatewayName = z
  .string()
  .regex(/^(?:[a-z0-9][a-z0-9._-]{0,63}|[a-z0-9-]+:\S+)$/, "expected fast, strong, provider:model, provider:* or a name of your own");

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
  /** An endpoint that speaks as OpenAI does, with budgets, policy and ledger in front; left out: there is none. */
  gateway: z
    .strictObject({
      /** What clients may name: `fast`, `strong`, `provider:model`, `provider:*` for all of a provider, or a name of its own with the model that it stands for. */
      models: z
        .array(
          z.union([
            gatewayName.transform((name) => ({ name, model: undefined, scope: "models:call" as const })),
            z.strictObject({
              name: gatewayName,
              model: z.union([z.enum(["fast", "strong"]), modelName]).optional(),
              /** What the token of the client needs. */
              scope: z.enum(PERMISSIONS).default("models:call"),
            }),
          ]),
        )
        .min(1)
        .refine(
          (models) => models.every(({ name, model = name }) => model === "fast" || model === "strong" || modelName.safeParse(model).success),
          "expected a model for every name that is not fast, strong or provider:model",
        ),
    })
    .optional(),
  /** Commands of checks run in the sandbox; `off` runs them without one, and every receipt says so. */
  sandbox: z.enum(["required", "off"]).default("required"),
  /**
   * How many runs about the same thing may be moving at the same time: `{ property: 1 }` is one for each property, whichever agent works. The keys are kinds of
   * entities. A run that waits for a person, a provider or a timer does not count.
   */
  concurrency: z.record(labelKey, z.int().min(1).max(1_000)).default({}),
  pulse: z
    .strictObject({
      /** How often a sensor runs that does not say so itself. */
      interval: duration.refine((ms) => ms >= 1_000, "expected 1s or more").default(60_000),
      /** How many sensors run at the same time. */
      sensorConcurrency: z.int().min(1).max(256).default(8),
    })
    .prefault({}),
  /** Programs that agents with the runner `command` start. */
  workers: z
    .strictObject({
      /** How many may run on one host at once. */
      most: z.int().min(1).max(200).default(8),
      /** One that printed nothing for so long counts as stuck. */
      silentAfter: duration.default(900_000),
    })
    .prefault({}),
  /** Where notices go beside the messages of the owners. */
  notification: z
    .strictObject({
      /** Program and arguments, run on this machine outside the sandbox; `{{message}}` and `{{id}}` are filled in, and stand in LOOP_MESSAGE and LOOP_ID. */
      command: z.array(z.string().min(1)).min(1).max(50).optional(),
      webhook: z
        .strictObject({
          url: z.url({ protocol: /^https?$/, error: "expected an address such as https://ntfy.example/alerts" }),
          /** A value may be a reference to a secret. */
          headers: z.record(z.string().regex(/^[A-Za-z0-9-]+$/, "expected the name of a header"), z.string().min(1)).default({}),
        })
        .optional(),
    })
    .refine(({ command, webhook }) => command !== undefined || webhook !== undefined, "expected command or webhook")
    .optional(),
  /** Who decides: a session outside, by the verbs of `loop _`, or the agent `root` of the workspace. */
  judge: z.enum(["outside", "inside"]).default("outside"),
  /** The judge inside: how old its last look may be while nothing moves, and how many decisions an hour may have before a person is asked. */
  judgement: z
    .strictObject({
      noopTtl: duration.default(6 * 3_600_000),
      mostPerHour: z.int().min(1).max(10_000).default(120),
    })
    .prefault({}),
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
