import { z } from "zod";
import { duration, header, slug } from "./common.ts";

const schemaObject = z.record(z.string(), z.json());

/** `services/<name>.yaml`: a typed HTTP endpoint served by one agent, or by several that hand over to each other. */
export const serviceManifest = z.strictObject({
  ...header,
  kind: z.literal("Service"),
  name: slug,
  description: z.string().default(""),
  /** Where it answers besides `/v1/services/<name>`, such as `/chat`. */
  path: z
    .string()
    .regex(/^\/[a-z0-9_/-]+$/, "expected a path such as /chat")
    .optional(),
  startingAgent: slug,
  agents: z.array(slug).min(1),
  /** JSON Schemas of what comes in and what goes out; left out: a text. */
  input: schemaObject.optional(),
  output: schemaObject.optional(),
  /** A conversation keeps its session; else each call stands alone. */
  conversation: z.boolean().default(false),
  limits: z.strictObject({ timeout: duration.default(120_000), callsPerMinute: z.int().min(1).max(100_000).default(600) }).prefault({}),
});
export type ServiceManifest = z.infer<typeof serviceManifest>;
