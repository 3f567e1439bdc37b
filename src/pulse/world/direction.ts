import { digestOf, sha256 } from "#src/kernel/canonical-json.ts";
import type { Workspace } from "#src/workspace/model.ts";

/** What people and whoever decides have written down as wanted. */
export interface Direction {
  /** Digest of PLAYBOOK.md; empty: there is none. */
  readonly playbook: string;
  /** Of goals that are not archived, by id, in order: the digest of the whole text. */
  readonly goals: ReadonlyMap<string, string>;
}

const known = new WeakMap<Workspace, Direction>();

/** Of one workspace it is made once: equal revisions are the same object. */
export function directionOf(workspace: Workspace): Direction {
  const made = known.get(workspace);
  if (made) return made;
  const goals = workspace.goals
    .filter(({ archived }) => !archived)
    .map(({ id, title, labels, body }) => [id, digestOf({ title, labels, body })] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const direction = { playbook: workspace.playbook === null ? "" : sha256(workspace.playbook.body), goals: new Map(goals) };
  known.set(workspace, direction);
  return direction;
}
