import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { readPoints } from "#src/testing/sweep-life.ts";
import { type Case, judged, type Judged } from "./case.ts";
import type { TrialDatabase } from "./cluster.ts";
import { openOutside } from "./effects.ts";
import { inLanes } from "./wait.ts";
import type { World } from "./world.ts";

const LANES = 3;

/** A database, a folder and a world outside for one life of the work. */
export interface Place {
  readonly database: TrialDatabase;
  readonly folder: string;
  readonly socketPath: string;
  close(): Promise<void>;
}

export interface Sweep {
  readonly script: URL;
  /** What a place needs beside its database, before the first life in it. */
  prepare?(place: Place): Promise<void>;
  args(place: Place): readonly string[];
  /** What there is after the work came to its end, in a form that can be compared with the unharmed one. */
  judge(place: Place): Promise<Readonly<Record<string, unknown>>>;
  /** Points every sweep must reach. */
  readonly named: readonly string[];
  /** In short mode each name once, and of those without a place in `named` every so many. */
  readonly every: number;
}

async function openPlace(world: World, name: string): Promise<Place> {
  const database = await (await world.cluster()).database({ poolSize: 2 });
  const folder = join(world.folder, name);
  await mkdir(join(folder, "logs"), { recursive: true });
  const outside = await openOutside(join(folder, "effects"), join(folder, "o.sock"));
  const close = async (): Promise<void> => {
    await outside.close();
    await database.close();
  };
  return { database, folder, socketPath: outside.socketPath, close };
}

async function live(world: World, sweep: Sweep, { place, env }: { place: Place; env: Record<string, string> }): Promise<string> {
  const child = world.start({ name: "sweep", script: sweep.script, args: sweep.args(place), env });
  const { code, signal } = await child.exited;
  return signal ?? (code === 0 ? "0" : `${code}: ${child.errors().slice(-1_500)}`);
}

interface Swept {
  readonly points: number;
  readonly killed: number;
  readonly names: ReadonlySet<string>;
  readonly unnamed: readonly string[];
  readonly wrong: readonly string[];
}

/** Counts the points of an unharmed life, then lives once per point with a `kill -9` there, and compares what there is at the end. */
async function killAtEveryPoint(world: World, sweep: Sweep): Promise<Swept> {
  const unharmed = await openPlace(world, "unharmed");
  await sweep.prepare?.(unharmed);
  const trace = join(unharmed.folder, "points");
  const ended = await live(world, sweep, { place: unharmed, env: { LOOP_FAILPOINT_TRACE: trace } });
  if (ended !== "0") throw new Error(`the unharmed life ended with ${ended}`);
  const expected = JSON.stringify(await sweep.judge(unharmed));
  await unharmed.close();
  const points = await readPoints(trace);
  const firsts = points.filter(({ name, number }) => points.findIndex((point) => point.name === name) === number - 1);
  const chosen = world.short ? firsts.filter(({ name }, index) => sweep.named.includes(name) || index % sweep.every === 0) : points;
  const wrong: string[] = [];
  const killedAt = new Set<string>();
  let killed = 0;
  await inLanes(chosen, LANES, async ({ name, number }) => {
    const place = await openPlace(world, `at-${number}`);
    await sweep.prepare?.(place);
    const first = await live(world, sweep, { place, env: { LOOP_FAILPOINT_KILL_AT: String(number) } });
    if (first === "SIGKILL") {
      killed += 1;
      killedAt.add(name);
    }
    const again = await live(world, sweep, { place, env: {} });
    const seen = JSON.stringify(await sweep.judge(place));
    if (again !== "0" || seen !== expected) wrong.push(`at ${number} ${name}: ended ${first}, then ${again}: ${seen}; unharmed: ${expected}`);
    await place.close();
  });
  return { points: chosen.length, killed, names: killedAt, unnamed: sweep.named.filter((name) => !killedAt.has(name)), wrong };
}

export const POINTS_OF_AN_ACT = ["started", "performed", "ended"];

/** A life of the work that is killed at every named point in turn, and begun again. */
export async function sweepJudged(world: World, sweep: Sweep): Promise<Judged> {
  const { points, killed, names, unnamed, wrong } = await killAtEveryPoint(world, sweep);
  return judged({
    reached: killed - unnamed.length,
    wanted: points,
    figure: `killed at ${killed} of ${points} points (${names.size} names)${unnamed.length > 0 ? `, never at ${unnamed.join(", ")}` : ""}, ${wrong.length} ended otherwise than unharmed${wrong.length > 0 ? `: ${wrong.slice(0, 3).join(" | ")}` : ""}`,
    conditions: { "the same end each time": wrong.length === 0 },
  });
}

export const sweepCase = (id: string, title: string, run: (world: World) => Promise<Judged>): Case => ({
  id,
  title,
  short: true,
  limitMs: { short: 240_000, full: 900_000 },
  run,
});
