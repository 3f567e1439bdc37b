import type { RunId } from "#src/kernel/ids.ts";

/*
 * The row of a run is its lease: wake, due, holder, fence, tries.
 *
 *   wake     what the run may see has changed; also the first statement of whoever changes it, so that the run's row is locked before anything else
 *   claim    takes runs that are due; the fence goes up, so that whoever held the run before can move it no more
 *   renew    keeps what is held; an id that does not come back was lost, and its reconcile must stop
 *   park     nothing to do until the next wake; a wake that came since the claim makes the run due at once
 *   abandon  this try went wrong: due again after a pause, and the try stays counted
 *
 * Lock order everywhere: runs by id, then asks, acts, tickets, then shared money rows. Several runs in one statement are locked sorted by id.
 */

/** What a claim gives: who holds the run is whoever knows the fence. */
export interface Lease {
  readonly runId: RunId;
  readonly fence: number;
  /** The wake counter as it was at the claim; `park` compares with it. */
  readonly wake: number;
  /** Claims since the last recorded outcome, this one included. */
  readonly tries: number;
}
