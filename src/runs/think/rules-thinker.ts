import type { Json } from "#src/kernel/canonical-json.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { RunState } from "../run.ts";

/** Thinks without a model, from the words of the workspace alone. Pure; null: it has nothing to say for this purpose. */
export interface RulesThinker {
  think(purpose: string, state: RunState, workspace: Workspace): Json | null;
}
