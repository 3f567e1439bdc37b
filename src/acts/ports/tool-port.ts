import type { Json } from "#src/kernel/canonical-json.ts";
import type { EffectClass } from "../act.ts";

/** One thing that a run may call by name. */
export interface ToolPort {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments; they are checked before policy sees them. */
  readonly schema: Json;
  readonly effect: EffectClass;
  /** Performs it. `actKey` is the same on every try of the same act. @throws LoopError tool_failed */
  invoke(args: Json, actKey: string, signal: AbortSignal): Promise<Json>;
  /** Required where `effect` is `findable`: the result if the effect with this key happened, else undefined. */
  find?(actKey: string, signal: AbortSignal): Promise<Json | undefined>;
}
