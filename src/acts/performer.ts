import type { NewAsk } from "#src/asks/ask.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { RunId } from "#src/kernel/ids.ts";
import type { Cleared } from "#src/policy/trust.ts";
import type { Act, ActError } from "./act.ts";

/** What became of a try. Answers, not exceptions: a performer throws only LoopErrors of its port, and bugs. */
export type Performed =
  | { readonly kind: "done"; readonly result: Json }
  | { readonly kind: "failed"; readonly error: ActError }
  /** It goes on elsewhere; its end is the settling of this ask. */
  | { readonly kind: "asking"; readonly ask: NewAsk; readonly result: Json }
  /** It goes on by itself, and whoever watches it says when it ended. */
  | { readonly kind: "running"; readonly handle: Json; readonly result: Json }
  /** It may succeed after this time: a span, since the clocks of processes and of the database differ. */
  | { readonly kind: "later"; readonly afterMs: number; readonly error: ActError };

/** Carries out the acts of one kind. Adapters stand behind it; nothing else touches the outside world. */
export interface Performer {
  /** Refuses arguments that it cannot read before anything happens, so that a person is never asked about them. @throws LoopError input_invalid */
  check(act: Act): void;
  perform(act: Act, situation: Situation & { readonly cleared: Cleared }): Promise<Performed>;
  /** For findable acts: what happened under this key, or undefined when it did not. */
  find?(act: Act, situation: Situation): Promise<Performed | undefined>;
}

/** What a performer may know of the run it works for. */
export interface Situation {
  readonly signal: AbortSignal;
  readonly runId: RunId;
  readonly agent: string;
  readonly ticketId: string | null;
  readonly threadId: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly revision: number;
  readonly nowMs: number;
}
