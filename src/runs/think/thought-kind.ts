import type { z } from "zod";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { ModelMessage, ToolOffer } from "#src/acts/ports/model-port.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { RunState } from "../run.ts";

/** One purpose of thinking: what a model is told, and the shape of what it must answer. */
export interface ThoughtKind {
  readonly purpose: string;
  /** What kind of work it is, whatever the run is for; left out: that of the run, else the purpose. Models are chosen by it. */
  readonly task?: string;
  /** Structured answers are checked against this; without it the answer is text and tool calls. */
  readonly schema?: (workspace: Workspace, state: RunState) => z.ZodType | undefined;
  /** The JSON Schema that is sent, where it was one from the beginning. */
  readonly wireSchema?: (state: RunState) => Json | undefined;
  readonly temperature?: number;
  /** Fewer than the run may use. */
  readonly maxOutputTokens?: number;
  prompt(state: RunState, workspace: Workspace): Prompt;
}

export interface Prompt {
  readonly system: string;
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ToolOffer[];
}
