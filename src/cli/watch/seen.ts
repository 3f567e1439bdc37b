import type { Api } from "../client/api.ts";
import type { AskShape } from "../client/shapes.ts";
import type { WorkspaceShape } from "../client/workspace-shapes.ts";
import { numbersOf } from "../client/ticket-numbers.ts";

/** A worker as `loop _ worker list` has it. */
export interface WorkerSeen {
  readonly name: string;
  readonly state: string;
  readonly health: string;
  readonly alive: boolean;
  readonly startedAtMs: number;
  readonly lastOutputAtMs: number;
  /** Its oldest open question. */
  readonly askId: string | null;
  readonly verify: string | null;
}

export interface SensorSeen {
  readonly name: string;
  readonly signal: unknown;
  readonly detail: unknown;
}

/** Everything that the screen shows, as the server said it at one moment. */
export interface Seen {
  readonly workspace: string;
  /** Files of power that were changed and wait for an apply. */
  readonly waiting: number;
  readonly pulse: "alive" | "down";
  /** Open ones, oldest first. */
  readonly asks: readonly AskShape[];
  /** Of their tickets, by id. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly workers: readonly WorkerSeen[];
  readonly sensors: readonly SensorSeen[];
  readonly goals: readonly string[];
  /** Newest first. */
  readonly journal: readonly string[];
}

/** What `/v1/loop/state` and the end of a wait say, as far as it is shown. */
export interface StateShape {
  readonly cursor: string;
  readonly pulse: "alive" | "down";
  readonly snapshots: Readonly<Record<string, { readonly signal: unknown; readonly detail: unknown }>>;
  readonly goals: readonly string[];
  readonly journal_tail: readonly string[];
}

const SENSOR = "sensor-";

/** The state with the questions and the workers as they are shown to people. @throws LoopError server_not_running */
export async function look(api: Api, { pulse, snapshots, goals, journal_tail: tail }: StateShape): Promise<Seen> {
  const [workers, asks, workspace] = await Promise.all([api.get("/v1/loop/worker/list"), api.get("/v1/asks?limit=1000"), api.get("/v1/workspace")]);
  const { name, waiting } = JSON.parse(workspace) as WorkspaceShape;
  const open = (JSON.parse(asks) as { asks: AskShape[] }).asks;
  return {
    workspace: name,
    waiting: new Set(waiting.map(({ file }) => file)).size,
    pulse,
    asks: open,
    numbers: await numbersOf(api, open),
    workers: (JSON.parse(workers) as { workers: WorkerSeen[] }).workers,
    sensors: Object.entries(snapshots).flatMap(([name, reading]) => (name.startsWith(SENSOR) ? [{ name: name.slice(SENSOR.length), ...reading }] : [])),
    goals,
    journal: tail.toReversed(),
  };
}
