import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { chmod, cp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, type ChildOptions, startChild } from "./child.ts";
import { type Cluster, launchCluster, type TrialDatabase } from "./cluster.ts";

type Undo = () => unknown;

/** What one case has. Whatever it starts and makes through this is ended and removed with it, in the other order. */
export interface World {
  readonly short: boolean;
  /** A folder of its own; others may pass through it. */
  readonly folder: string;
  cluster(): Promise<Cluster>;
  database(options?: Parameters<Cluster["database"]>[0]): Promise<TrialDatabase>;
  start(options: ChildOptions): Child;
  after(undo: Undo): void;
  /** What several cases use, made by the first of them in a world of its own that lasts until all cases are over. */
  kept<T>(name: string, make: (world: World) => Promise<T>): Promise<T>;
}

/**
 * What all cases of one call share: one Postgres, started when it is first needed. In short mode it does not wait for the disk: no case takes the power away,
 * and what a killed process has written is in the hands of the system.
 */
export interface Shared {
  cluster(): Promise<Cluster>;
  kept: World["kept"];
  /** Where the logs of a case that did not hold are kept. */
  readonly keep: string;
  close(): Promise<void>;
}

export async function openShared(keep: string, { short }: { short: boolean }): Promise<Shared> {
  const folder = await makeFolder("shared");
  process.env["NODE_COMPILE_CACHE"] = join(folder, "compiled"); // children start in half the time
  let cluster: Promise<Cluster> | undefined;
  const kept = new Map<string, Promise<unknown>>();
  const worlds: OpenWorld[] = [];
  const shared: Shared = {
    keep,
    cluster: () => (cluster ??= launchCluster(folder, { fsync: !short })),
    kept<T>(name: string, make: (world: World) => Promise<T>): Promise<T> {
      const made = kept.get(name) ?? openWorld(shared, short).then((world) => (worlds.push(world), make(world)));
      kept.set(name, made);
      return made as Promise<T>;
    },
    async close() {
      for (const world of worlds) await world.close(undefined);
      await (await cluster)?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return shared;
}

export interface OpenWorld extends World {
  /** `keepLogs`: the folder of logs is copied beside the results before it is removed. Never throws. */
  close(keepLogs: string | undefined): Promise<string[]>;
}

const open = new Set<OpenWorld>();

/** When the trials are stopped in the middle: children, databases and mounts of the cases at hand. */
export async function closeWorlds(): Promise<void> {
  await Promise.all([...open].map((world) => world.close(undefined)));
}

export async function openWorld(shared: Shared, short: boolean): Promise<OpenWorld> {
  const folder = await makeFolder("case");
  await mkdir(join(folder, "logs"));
  const undoing: Undo[] = [];
  const after = (undo: Undo): void => void undoing.push(undo);
  const world: OpenWorld = {
    short,
    folder,
    cluster: shared.cluster,
    kept: shared.kept,
    async database(options) {
      const database = await (await shared.cluster()).database(options);
      after(() => database.close());
      return database;
    },
    start(options) {
      const child = startChild(options);
      after(() => child.kill());
      return child;
    },
    after,
    async close(keepLogs) {
      open.delete(world);
      const troubles: string[] = [];
      const trouble = (error: unknown): void => void troubles.push(error instanceof Error ? error.message : String(error));
      for (const undo of undoing.toReversed()) await Promise.resolve().then(undo).catch(trouble);
      if (keepLogs !== undefined) await cp(join(folder, "logs"), join(shared.keep, keepLogs), { recursive: true }).catch(trouble);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 }).catch(trouble);
      return troubles;
    },
  };
  open.add(world);
  return world;
}

async function makeFolder(what: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `loopwright-trial-${what}-`));
  await chmod(folder, 0o711);
  return folder;
}
