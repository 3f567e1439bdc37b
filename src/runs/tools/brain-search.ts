import { z } from "zod";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { BrainEmbedder } from "#src/brain/embedder.ts";
import { WORKSPACE_SCOPE } from "#src/brain/item.ts";
import { retrieve } from "#src/brain/retrieve.ts";
import type { Db } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";

export const BRAIN_SEARCH = "brain.search";
const HITS_PER_LAYER = 3;

const args = z.strictObject({
  text: z.string().min(1).describe("what to look for, in any language"),
  labels: z.record(z.string(), z.string()).default({}).describe("what it is about, such as property"),
  categories: z.array(z.string()).default([]),
});

/** The brain as a tool: what the workspace knows, with source, score and why. */
export function brainSearch(db: Db, embedder: BrainEmbedder | undefined): ToolPort {
  return {
    name: BRAIN_SEARCH,
    description: "Searches what this workspace knows: SOPs, skills, voice memos, past cases, entities, lessons.",
    schema: z.toJSONSchema(args, { io: "input" }) as Json,
    effect: "read",
    terms: { untrusted: false }, // each hit says where it came from, and counts from there
    async invoke(given, { signal }) {
      const read = args.safeParse(given);
      if (!read.success) throw new LoopError("tool_failed", `brain.search cannot read its arguments: ${z.prettifyError(read.error)}`);
      const recall = await retrieve(db, { ...read.data, scopes: [WORKSPACE_SCOPE], limitPerLayer: HITS_PER_LAYER, signal }, embedder);
      return { hits: recall.hits as unknown as Json, meaning: recall.meaning };
    },
  };
}
