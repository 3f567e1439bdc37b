import { z } from "zod";
import { header, secretReference, slug } from "./common.ts";

/** Where models are: one entry of `providers` in loop.yaml. */
export const providerEntry = z.strictObject({
  wire: z.enum(["openai", "openai-compatible", "anthropic", "google", "openrouter", "ollama", "bedrock"]),
  baseUrl: z.url().optional(),
  apiKey: secretReference.optional(),
  region: z.string().optional(),
});

/** `models/<name>.yaml`: the same as an entry of `providers`, in a file of its own. */
export const modelProviderManifest = z.strictObject({ ...header, kind: z.literal("ModelProvider"), name: slug, ...providerEntry.shape });
