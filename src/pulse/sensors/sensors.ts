import type { Batched } from "#src/kernel/batched.ts";
import { digestOf } from "#src/kernel/canonical-json.ts";
import type { Log } from "#src/kernel/log.ts";
import type { Redactor } from "#src/kernel/redaction.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";
import { lastRuns } from "../store/sensor-readings.ts";
import { failure, type Said, saidBy } from "./output.ts";
import type { Programs, SensorProgram } from "./programs.ts";
import { createRecorder, type Ended, forgetOthers, type RecordParts } from "./record.ts";
import { runSensor, type SensorPlace } from "./run-sensor.ts";

export interface SensorParts extends SensorPlace, RecordParts {
  readonly log: Log;
  readonly redactor: Redactor;
  readonly workspaces: WorkspaceView;
  readonly programs: Programs;
  /** In place of what the workspace says. */
  readonly intervalMs?: number | undefined;
}

export interface Sensors {
  /** Starts those that are due and does not wait for them. However long nobody called, each is due once. */
  beat(): Promise<void>;
  /** Over when all that was started has ended and is on record. */
  settled(): Promise<void>;
  /** Ends what runs, unrecorded: somebody else may be the pulse now. The next beat begins afresh. */
  rest(): Promise<void>;
}

const RETRY_MS = 60_000;

interface Last {
  readonly startedMs: number;
  readonly program: string;
  /** Digest of all that it said; undefined: this process does not know. */
  readonly said?: string;
}

/** From the first beat until the pulse rests. */
interface Life {
  readonly parts: SensorParts;
  readonly record: Batched<Ended, void>;
  readonly last: Map<string, Last>;
  readonly waiting: SensorProgram[];
  readonly running: Map<string, Promise<void>>;
  readonly ending: AbortController;
  programs: ReadonlyMap<string, SensorProgram>;
  /** Nothing is on record of sensors that are gone. */
  isTidy: boolean;
  most: number;
}

/** The sensors of the revision in force, each at its own pace, a bounded number at once. */
export function createSensors(parts: SensorParts): Sensors {
  const record = createRecorder(parts);
  let life: Life | undefined;
  return {
    async beat() {
      const programs = await parts.programs.current();
      const { interval, sensorConcurrency } = (await parts.workspaces.current()).workspace.manifest.pulse;
      const of = (life ??= await begin(parts, record));
      of.most = sensorConcurrency;
      if (of.programs !== programs) follow(of, programs);
      if (!of.isTidy) await tidy(of);
      const nowMs = parts.clock.nowMs();
      for (const program of programs.values()) {
        if (of.running.has(program.name) || of.waiting.some(({ name }) => name === program.name)) continue;
        if (isDue(of.last.get(program.name), { program, nowMs, usualMs: parts.intervalMs ?? interval })) of.waiting.push(program);
      }
      fill(of);
    },
    async settled() {
      while (life && life.running.size > 0) await Promise.all(life.running.values());
      await record.flush();
    },
    async rest() {
      const ended = life;
      life = undefined;
      if (!ended) return;
      ended.waiting.length = 0;
      ended.ending.abort();
      await Promise.all(ended.running.values());
      await record.flush();
    },
  };
}

/** A clock that was set back makes everything due, rather than nothing until it has caught up. */
function isDue(last: Last | undefined, { program, nowMs, usualMs }: { program: SensorProgram; nowMs: number; usualMs: number }): boolean {
  if (last === undefined || last.program !== program.digest) return true;
  return nowMs >= last.startedMs + (program.intervalMs ?? usualMs) || nowMs < last.startedMs;
}

async function begin(parts: SensorParts, record: Life["record"]): Promise<Life> {
  const before = await lastRuns(parts.db);
  const last = new Map(before.map(({ sensor, program, ranAtMs }) => [sensor, { startedMs: ranAtMs, program }]));
  return { parts, record, last, waiting: [], running: new Map(), ending: new AbortController(), programs: new Map(), isTidy: false, most: 1 };
}

/** Other programs are in force. */
function follow(of: Life, programs: Life["programs"]): void {
  of.programs = programs;
  of.isTidy = false;
  of.waiting.splice(0, of.waiting.length, ...of.waiting.flatMap(({ name }) => programs.get(name) ?? []));
  for (const name of of.last.keys()) if (!programs.has(name)) of.last.delete(name);
}

/** First what is being written, which may be of a sensor that is gone. */
async function tidy(of: Life): Promise<void> {
  await of.record.flush();
  await forgetOthers(of.parts, [...of.programs.keys()]);
  of.isTidy = true;
}

function fill(of: Life): void {
  while (of.running.size < of.most && of.waiting.length > 0) {
    const program = of.waiting.shift()!;
    of.last.set(program.name, { ...of.last.get(program.name), startedMs: of.parts.clock.nowMs(), program: program.digest });
    const running = runOne(of, program).then(() => {
      of.running.delete(program.name);
      fill(of);
    });
    of.running.set(program.name, running);
  }
}

/** Never rejects. */
async function runOne(of: Life, program: SensorProgram): Promise<void> {
  const { name, digest } = program;
  const beganMs = performance.now();
  const failed = (error: unknown): void => {
    of.last.set(name, { startedMs: of.parts.clock.nowMs() - soonerBy(program), program: digest });
    of.parts.log.warn("a sensor could not be run or what it said not be written; it is tried again", { sensor: name, error });
  };
  try {
    const said = await askSensor(of.parts, program, of.ending.signal);
    if (said === undefined) return;
    const reading = { sensor: name, ...said, digest: digestOf(said.signal), program: digest, tookMs: Math.round(performance.now() - beganMs) };
    of.record(endedOf(of, reading)).catch(failed); // its place is free for the next one meanwhile
  } catch (error) {
    failed(error);
  }
}

/** After something went wrong here, a sensor that runs seldom is not waited for as long as usual. */
const soonerBy = ({ intervalMs }: SensorProgram): number => Math.max(0, (intervalMs ?? 0) - RETRY_MS);

function endedOf(of: Life, reading: Ended["reading"]): Ended {
  const { sensor, signal, detail, failed, program } = reading;
  const said = digestOf({ signal, detail, failed, program });
  return {
    reading,
    isSame: () => of.last.get(sensor)?.said === said,
    isWanted: () => !of.ending.signal.aborted && of.programs.has(sensor),
    written(isLost) {
      const last = of.last.get(sensor);
      if (isLost) of.last.delete(sensor);
      else if (last) of.last.set(sensor, { ...last, said });
    },
  };
}

/** Undefined: it was ended before it had said anything. */
async function askSensor(parts: SensorParts, program: SensorProgram, signal: AbortSignal): Promise<Said | undefined> {
  const run = await runSensor(parts, program, signal);
  if (signal.aborted) return undefined;
  if (run.kind === "refused") return failure({ missing: run.lacks }, { message: parts.redactor.redact(run.why) });
  return saidBy(run.result, { ...parts.bounds, redact: parts.redactor.redact, ...(program.timeoutMs === null ? {} : { timeoutMs: program.timeoutMs }) });
}
