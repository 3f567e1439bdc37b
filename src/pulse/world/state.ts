import { z } from "zod";
import { mayAnswer } from "#src/asks/ask.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Caller } from "#src/people/principal.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { LoopDeps } from "../contract/verb.ts";
import { isFlapping } from "../store/sensor-readings.ts";
import type { LastRun, WorldDetails } from "../store/world.ts";
import { directionOf } from "./direction.ts";
import { goalActivity, idleSeconds, neglected } from "./goal-activity.ts";
import { journalLine } from "./journal-line.ts";
import { signalOf } from "./schedule.ts";
import { outputOf } from "./shell-outcome.ts";
import { systemSignals } from "./system-parts.ts";
import { type WholeWorld, wholeWorldOf } from "./world.ts";

const json = z.unknown();

/** The whole world in one answer, in the words that an agent session reads. Times are ISO 8601 in UTC. */
export const stateView = z.object({
  world_hash: z.string().describe("over the playbook, the goals and the signals of the snapshots"),
  cursor: z.string().describe("for `wait --since`: what came after this"),
  pulse: z.enum(["alive", "down"]).describe("down: nothing is sensed and no schedule falls due"),
  snapshots: z.record(z.string(), z.object({ signal: json, detail: json })),
  asks: z.array(
    z.object({
      id: z.string(),
      alias: z.string().nullable(),
      kind: z.string(),
      worker: z.string().nullable(),
      prompt: z.string(),
      options: z.array(z.string()),
      ref: z.string().nullable(),
      stranded: z.boolean().describe("whoever asked is gone; it can still be answered"),
      yours: z.boolean().describe("whether you may answer it"),
      ts: z.string(),
    }),
  ),
  workers: z.array(
    z.object({ id: z.string(), state: z.string(), alive: z.boolean(), exit_code: z.int().nullable(), health: z.string(), ask: z.string().nullable() }),
  ),
  goals: z.array(z.string()),
  schedules: z.array(z.object({ name: z.string(), signal: json, note: z.string(), missed: z.enum(["once", "skip"]), spec: json, next: z.string().nullable() })),
  claims: z.array(z.object({ name: z.string(), session: z.string(), fence: z.int() })),
  journal_tail: z.array(z.string()).describe("20 lines at most, oldest first, by the time zone of the workspace"),
  last_run: z
    .object({ run: z.string(), command: z.string(), state: z.string(), exit_code: z.int().nullable(), output: z.string(), ended_at: z.string().nullable() })
    .nullable()
    .describe("the last command of `loop _ run`, with the last 2,048 characters that it printed"),
  flapping: z.array(z.string()).describe("sensors whose signal changed at each of their last five runs"),
  neglected_goal: z.object({ id: z.string(), idle_s: z.int() }).nullable().describe("the goal that nobody did anything about for the longest time"),
  data_dir: z.string().nullable().describe("the folder of the workspace; null where another host holds it"),
});
export type StateView = z.infer<typeof stateView>;

/** A pure read. */
export async function stateFor(deps: Pick<LoopDeps, "db" | "workspaces" | "dataDir">, caller: Caller): Promise<StateView> {
  const [world, { workspace, activity }] = await Promise.all([wholeWorldOf(deps), directed(deps)]);
  const { marks } = world;
  const { details } = marks;
  return {
    world_hash: world.hash,
    cursor: world.cursor(caller),
    pulse: marks.pulseAlive ? "alive" : "down",
    snapshots: snapshotsOf(world, activity),
    asks: asksFor(details.asks, caller),
    workers: world.workers.map(({ name, state, alive, exitCode, health, askId }) => ({ id: name, state, alive, exit_code: exitCode, health, ask: askId })),
    goals: [...world.direction.goals.keys()],
    schedules: schedulesOf(marks),
    claims: [...marks.claims],
    journal_tail: details.lines.flatMap(({ atMs, body }) => (body === null ? [] : [journalLine(workspace.manifest.timeZone, { atMs, line: lineOf(body) })])),
    last_run: lastRunOf(details.lastRun),
    flapping: details.readings.filter(isFlapping).map(({ sensor }) => sensor),
    neglected_goal: neglected(activity, marks.nowMs),
    data_dir: deps.dataDir ?? null,
  };
}

async function directed({ db, workspaces }: Pick<LoopDeps, "db" | "workspaces">): Promise<{ workspace: Workspace; activity: ReadonlyMap<string, number> }> {
  const { revision, workspace } = await workspaces.current();
  return { workspace, activity: await goalActivity(db, { revision, direction: directionOf(workspace) }) };
}

const lineOf = (body: string): string => (JSON.parse(body) as { line: string }).line;

function snapshotsOf({ marks, workers }: WholeWorld, activity: ReadonlyMap<string, number>): StateView["snapshots"] {
  const ages = Object.fromEntries([...activity].map(([goal, atMs]) => [goal, { idle_s: idleSeconds(atMs, marks.nowMs) }]));
  const sensors = marks.details.readings.map(({ sensor, signal, detail }) => [`sensor-${sensor}`, { signal, detail }] as const);
  const system = Object.entries(systemSignals(marks, workers)).map(
    ([name, signal]) => [name, { signal, detail: (name === "sys-goals" ? ages : {}) as Json }] as const,
  );
  return Object.fromEntries([...sensors, ...system]);
}

const asksFor = (asks: WorldDetails["details"]["asks"], caller: Caller): StateView["asks"] =>
  asks.map(({ id, alias, kind, worker, prompt, options, ref, stranded, approvers, atMs }) => ({
    id,
    alias,
    kind,
    worker,
    prompt,
    options: [...options],
    ref,
    stranded,
    yours: mayAnswer({ kind, approvers }, caller),
    ts: new Date(atMs).toISOString(),
  }));

function schedulesOf(marks: WorldDetails): StateView["schedules"] {
  const more = new Map(marks.details.schedules.map((schedule) => [schedule.name, schedule]));
  return marks.schedules.map((schedule) => ({
    name: schedule.name,
    signal: signalOf(schedule, marks.nowMs),
    note: more.get(schedule.name)?.note ?? "",
    missed: more.get(schedule.name)?.missed ?? "once",
    spec: schedule.spec,
    next: schedule.nextAtMs === null ? null : new Date(schedule.nextAtMs).toISOString(),
  }));
}

function lastRunOf(last: LastRun | null): StateView["last_run"] {
  if (last === null) return null;
  const { argv = [] } = last.args as { argv?: readonly string[] };
  return {
    run: last.runId,
    command: argv.at(-1) ?? "",
    state: last.state,
    exit_code: (last.result as { exitCode?: number | null } | null)?.exitCode ?? null,
    output: last.error?.message ?? outputOf(last.result),
    ended_at: last.endedAtMs === null ? null : new Date(last.endedAtMs).toISOString(),
  };
}
