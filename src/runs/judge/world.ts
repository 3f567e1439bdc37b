import type { Json } from "#src/kernel/canonical-json.ts";
import type { Trust } from "#src/policy/trust.ts";

/** What the judge is shown. All lists in an order that does not change by itself; times in milliseconds since 1970. */
export interface JudgeWorld {
  readonly nowMs: number;
  readonly timeZone: string;
  readonly playbook: string | null;
  /** By id. `touchedAtMs`: when something was last done for it, null: never. */
  readonly goals: readonly { readonly id: string; readonly text: string; readonly touchedAtMs: number | null; readonly trust: Trust }[];
  /** By name. */
  readonly readings: readonly { readonly sensor: string; readonly signal: Json; readonly detail: Json; readonly failed: boolean; readonly streak: number }[];
  /** Those that the judge may answer, the oldest first. */
  readonly asks: readonly {
    readonly id: string;
    readonly worker: string | null;
    readonly prompt: string;
    readonly options: readonly string[];
    readonly openedAtMs: number;
    readonly isStranded: boolean;
  }[];
  /** By name. `facts`: in words, such as `alive, busy`. */
  readonly workers: readonly { readonly name: string; readonly facts: string }[];
  /** By name. */
  readonly schedules: readonly { readonly name: string; readonly facts: string; readonly note: string }[];
  /** The oldest first. */
  readonly journal: readonly string[];
  /** Why the last decision failed; null: it did not. */
  readonly lastFailure: string | null;
  /** What the last command printed that ended since the last decision; null: none. */
  readonly runOutput: string | null;
  /** Why it was woken now. */
  readonly reason: string;
}
