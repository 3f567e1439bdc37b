import type { Act } from "#src/acts/act.ts";
import type { NewEvent } from "#src/journal/event.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Lease } from "#src/leases/lease.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { Engine } from "./engine.ts";
import type { RunEnd, RunState } from "./run.ts";

/** One claim of one run: who holds it, what was read, and when to stop. */
export interface Session {
  readonly engine: Engine;
  readonly lease: Lease;
  readonly state: RunState;
  /** Aborted when the lease is lost or the process stops. */
  readonly signal: AbortSignal;
  /** Asked right before an effect: a process that was stopped and goes on must not do what another has done since. */
  readonly isFresh: () => boolean;
  /** Told the end of the run as soon as it is on record. */
  readonly onEnd: (end: RunEnd) => void;
  /** What the database's clock says now, by the steady clock of this process since the state was read. Times that a run waits for are reckoned from it alone. */
  readonly recordNowMs: () => number;
  /** The revision that the run keeps: instructions, tools, models. */
  readonly pinned: Workspace;
  /** The revision in force: policy, budgets. */
  readonly current: { readonly revision: number; readonly workspace: Workspace };
}

/** What a move did. `state`: go on from here without reading again. `quiet`: it gave nobody else anything to do. */
export type Made =
  | { readonly kind: "moved"; readonly state?: RunState; readonly quiet?: boolean }
  | { readonly kind: "parked" }
  | { readonly kind: "ended"; readonly quiet: boolean };

/** An event of this run, said by its agent unless the system did it. */
export function runEvent(session: Pick<Session, "state">, kind: string, payload: { readonly [key: string]: Json | undefined }): NewEvent {
  const { run } = session.state;
  return { kind, actor: `agent:${run.agent}`, runId: run.id, ...(run.ticketId ? { ticketId: run.ticketId } : {}), payload };
}

/** The state with one act as it is now. */
export function withAct(state: RunState, act: Act): RunState {
  const known = state.acts.some((other) => other.id === act.id);
  return { ...state, acts: known ? state.acts.map((other) => (other.id === act.id ? act : other)) : [...state.acts, act] };
}

export const nextSeq = (state: RunState): number => (state.messages.at(-1)?.seq ?? 0) + 1;
