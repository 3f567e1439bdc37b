import { join } from "node:path";
import { writeFiles } from "#src/testing/workspace-files.ts";
import type { Child } from "./child.ts";
import type { TrialDatabase } from "./cluster.ts";
import { openOutside, type Outside } from "./effects.ts";
import { ended } from "./oracle.ts";
import { scriptOf } from "./script.ts";
import { putInForce, queueRuns, stormWorkspace } from "./trial-engine.ts";
import { numbers } from "./statistics.ts";
import { until } from "./wait.ts";
import { watchStaleWrites } from "./stale-writes.ts";
import type { World } from "./world.ts";

/** What an engine process of a trial is started with. */
export interface StormSettings {
  /** Names the process among all holders, and its connections to the database. */
  readonly name: string;
  readonly url: string;
  readonly folder: string;
  /** Where the world outside listens. */
  readonly socketPath: string;
  readonly slots: number;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly graceMs: number;
  readonly maxTries: number;
  readonly poolSize: number;
  readonly pulses: boolean;
  readonly thinkMs: readonly [number, number];
  readonly toolMs: number;
  readonly isDeaf: boolean;
  readonly clockAheadMs: number;
  /** False: it stands by until it is told to begin. */
  readonly begins: boolean;
}

const USUAL = {
  slots: 16,
  leaseMs: 10_000,
  pollMs: 1_000,
  graceMs: 8_000,
  maxTries: 5,
  poolSize: 8,
  pulses: true,
  thinkMs: [1, 8],
  toolMs: 2,
  isDeaf: false,
  clockAheadMs: 0,
  begins: true,
} as const;

export interface Storm {
  readonly database: TrialDatabase;
  /** The file of what happened outside. */
  readonly effects: string;
  readonly outside: Outside;
  /** Starts one more engine on it; resolves when it is ready. */
  engine(name: string, more?: Partial<StormSettings>, env?: Record<string, string>): Promise<Child>;
  queue(scripts: readonly string[]): Promise<string[]>;
  /** The workspace that is in force as a folder, for a server beside the engines. */
  workspaceFolder(): Promise<string>;
  /** Whether every run ended in time. */
  allEnded(limitMs: number): Promise<boolean>;
}

const CHILD = new URL("../storm-child.ts", import.meta.url);

/** A database with the chat workspace in force, watched for stale writes, and engines over it as they are asked for. */
export async function openStorm(
  world: World,
  more: { database?: TrialDatabase; files?: Readonly<Record<string, string>>; isWatched?: boolean } = {},
): Promise<Storm> {
  const database = more.database ?? (await world.database());
  const { db } = database;
  const effects = join(world.folder, "effects");
  const outside = await openOutside(effects, join(world.folder, "outside.sock"));
  world.after(outside.close);
  const files = stormWorkspace(more.files);
  await putInForce(db, files);
  if (more.isWatched !== false) await watchStaleWrites(db);
  return {
    database,
    effects,
    outside,
    async engine(name, settings = {}, env = {}) {
      const all: StormSettings = { ...USUAL, name, url: database.urlAs(name), folder: world.folder, socketPath: outside.socketPath, ...settings };
      const child = world.start({ name, script: CHILD, args: [JSON.stringify(all)], env });
      await child.heard("ready");
      return child;
    },
    queue: (scripts) => queueRuns(db, scripts),
    async workspaceFolder() {
      const folder = join(world.folder, "workspace-in-force");
      await writeFiles(folder, files);
      return folder;
    },
    allEnded: (limitMs) => until(async () => (await ended(db)).open === 0, { limitMs, everyMs: 100 }),
  };
}

/** Scripts of idempotent and findable calls in a mixture that is the same each time; some turns call two. */
export function stormScripts({ runs, steps, seed = 1 }: { runs: number; steps: number; seed?: number }): string[] {
  const random = numbers(seed);
  const word = (): string => {
    const roll = random.next().value;
    if (roll < 0.45) return "idempotent";
    return roll < 0.9 ? "findable" : "idempotent+findable";
  };
  return Array.from({ length: runs }, () => scriptOf(Array.from({ length: steps }, word)));
}
