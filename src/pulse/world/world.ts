import type { Answerer } from "#src/asks/ask.ts";
import { mayAnswer } from "#src/asks/ask.ts";
import { digestOf, type Json } from "#src/kernel/canonical-json.ts";
import type { LoopDeps } from "../contract/verb.ts";
import { workers as readWorkers, type WorkerRow } from "../store/workers.ts";
import { type AskGroup, worldDetails, type WorldDetails, worldMarks, type WorldMarks } from "../store/world.ts";
import { cursorOf } from "./cursor.ts";
import { type Direction, directionOf } from "./direction.ts";
import { systemSignals } from "./system-parts.ts";

/** What whoever decides can see, at one moment. It is in no table: it is read off the record. */
export interface World {
  /** Over the playbook, the goals and the signals of the snapshots. Details, asks and lines of the journal are not in it. */
  readonly hash: string;
  /** Of what this speaker has seen by now. */
  cursor(speaker: Answerer): string;
  /** How many open asks this speaker may answer now; those of workers that are gone do not count. */
  actionable(speaker: Answerer): number;
  readonly revision: number;
  readonly direction: Direction;
  readonly workers: readonly WorkerRow[];
  readonly marks: WorldMarks;
}

export type WholeWorld = World & { readonly marks: WorldDetails };

type Read = Pick<LoopDeps, "db" | "workspaces">;

/** As small as it can be compared: what a wait looks at again and again. Three queries, one of them the usual look at the revision. */
export const worldOf = async (deps: Read): Promise<World> => worldFrom(deps, worldMarks(deps.db));

/** With all that is shown of it. */
export const wholeWorldOf = async (deps: Read): Promise<WholeWorld> => worldFrom(deps, worldDetails(deps.db));

/** Counted as stuck by what the workspace says. */
async function workersOf({ db, workspaces }: Read): Promise<WorkerRow[]> {
  const { workspace } = await workspaces.current();
  return readWorkers(db, { silentAfterMs: workspace.manifest.workers.silentAfter });
}

async function worldFrom<M extends WorldMarks>({ db, workspaces }: Read, reading: Promise<M>): Promise<World & { readonly marks: M }> {
  const [{ revision, workspace }, marks, workers] = await Promise.all([workspaces.current(), reading, workersOf({ db, workspaces })]);
  const direction = directionOf(workspace);
  const goals = digestOf(Object.fromEntries(direction.goals));
  const snapshots = digestOf({
    sensors: Object.fromEntries(marks.readings.map(({ sensor, digest }) => [sensor, digest])),
    system: systemSignals(marks, workers) as Json,
  });
  const asks = askDigest(marks.asks);
  const journal = marks.lines.join(" ");
  return {
    hash: digestOf({ playbook: direction.playbook, goals, snapshots }),
    cursor: (speaker) => cursorOf({ playbook: direction.playbook, goals, snapshots, asks, yours: askDigest(yoursOf(marks, speaker)), journal }),
    actionable: (speaker) => yoursOf(marks, speaker).reduce((sum, { count }) => sum + count, 0),
    revision,
    direction,
    workers,
    marks,
  };
}

const yoursOf = ({ asks }: WorldMarks, speaker: Answerer): AskGroup[] => asks.filter((group) => !group.stranded && mayAnswer(group, speaker));

const askDigest = (groups: readonly AskGroup[]): string => groups.map(({ stranded, digest }) => `${digest}${stranded ? " stranded" : ""}`).join("\n");
