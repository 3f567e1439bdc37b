import type { Approvers } from "#src/asks/ask.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { RunId } from "#src/kernel/ids.ts";
import type { Cleared } from "#src/policy/trust.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { ActFacts, EffectClass } from "../act.ts";

export type ToolTerms = Pick<ActFacts, "risk" | "outbound" | "private" | "untrusted">;

/** For whom a tool is called, and until when. */
export interface ToolUse {
  readonly actKey: string;
  readonly signal: AbortSignal;
  readonly runId: RunId;
  readonly agent: string;
  readonly ticketId: string | null;
  readonly threadId: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** Proof that what leaves may leave. */
  readonly cleared: Cleared;
}

/** Whether a tool can be called now; off: `why` says the reason and what to do. */
export interface ToolState {
  readonly name: string;
  readonly state: "on" | "off";
  readonly why: string | null;
}

/** All tools that there are now. Which an agent may call is another question. */
export interface ToolBox {
  /** Makes the tools be those of this revision, where they depend on it. Called by whoever is about to use them; cheap when nothing changed. Waits for no server. */
  follow(current: { readonly revision: number; readonly workspace: Workspace }): Promise<void>;
  get(name: string): ToolPort | undefined;
  /** Those that are on, sorted by name. */
  list(): readonly ToolPort[];
  /** Sorted by name; those that are off, and what is wrong with whole servers, too. */
  states(): readonly ToolState[];
  /** Looks at the record again, for what another process decided. */
  refresh(): Promise<void>;
}

/** Tools that are always the same. */
export function toolBox(tools: readonly ToolPort[]): ToolBox {
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const sorted = [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const states = sorted.map(({ name }): ToolState => ({ name, state: "on", why: null }));
  const nothing = (): Promise<void> => Promise.resolve();
  return { follow: nothing, get: (name) => byName.get(name), list: () => sorted, states: () => states, refresh: nothing };
}

/** What people are asked. Without options any text answers it. */
export interface ToolQuestion {
  readonly text: string;
  readonly options: readonly string[];
  readonly approvers: Approvers;
}

/** One thing that a run may call by name. */
export interface ToolPort {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments; they are checked before policy sees them. */
  readonly schema: Json;
  readonly effect: EffectClass;
  /** What its acts are for policy. `shell`: a command on this machine, which the list of an agent offers but does not allow; policy has to. */
  readonly kind?: "tool" | "shell";
  /** What is true of each of its acts. Left out: low risk for `read`, else medium; neither outbound nor private; results untrusted. */
  readonly terms?: ToolTerms;
  /** Refuses what no policy and no person may let through, and arguments that it cannot read, before anybody is asked. @throws LoopError input_invalid */
  check?(args: Json): void;
  /** Its arguments are kept, or shown to people: a secret in them is refused as in those that go outside. */
  readonly keepsArgs?: boolean;
  /** What policy should know of these arguments: the path that they lead to, with links resolved, or the cost. Asked when the act is planned. */
  facts?(args: Json): Promise<Pick<ActFacts, "path" | "costUsd" | "risk" | "labels">>;
  /** Performs it. `use.actKey` is the same on every try of the same act. @throws LoopError tool_failed | tool_unavailable, only where nothing was done or a repeat is harmless; its fact `retryAfterMs` says when */
  invoke(args: Json, use: ToolUse): Promise<Json>;
  /** In place of `invoke`: the act waits for people, and what they answer is its result. @throws LoopError input_invalid where nobody could answer */
  question?(args: Json, use: ToolUse): Promise<ToolQuestion>;
  /** Required where `effect` is `findable`: the result if the effect with this key happened, else undefined. */
  find?(actKey: string, signal: AbortSignal, args: Json): Promise<Json | undefined>;
}
