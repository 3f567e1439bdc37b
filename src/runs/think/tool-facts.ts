import type { ActFacts } from "#src/acts/act.ts";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";

/** Arguments that a tool cannot make sense of are refused when the act is checked; until then they say nothing. */
export async function factsOf(tool: ToolPort, args: Json): Promise<ActFacts> {
  const usual = { risk: tool.effect === "read" ? ("low" as const) : ("medium" as const), untrusted: true };
  const own = await tool.facts?.(args).catch((error: unknown) => {
    if (error instanceof LoopError) return {};
    throw error;
  });
  return { ...usual, ...tool.terms, ...own };
}
