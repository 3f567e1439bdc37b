import { z } from "zod";
import { header, secretReference, slug } from "./common.ts";

const WIRES = ["openai", "openai-compatible", "anthropic", "google", "openrouter", "ollama", "bedrock"] as const;

/** Providers that need no entry: each wire with a usual place, and the scripted models of `loopwright/testing`, which only a test can answer for. */
export const USUAL_PROVIDERS: readonly string[] = [...WIRES.filter((wire) => wire !== "openai-compatible"), "scripted"];

/** Where models are: one entry of `providers` in loop.yaml. */
export const providerEntry = z.strictObject({
  wire: z.enum(WIRES),
  baseUrl: z.url().optional(),
  apiKey: secretReference.optional(),
  region: z.string().optional(),
});

/** `models/<name>.yaml`: the same as an entry of `providers`, in a file of its own. */
export const modelProviderManifest = z.strictObject({ ...header, kind: z.literal("ModelProvider"), name: slug, ...providerEntry.shape });
