import { digestOf, type Json } from "#src/kernel/canonical-json.ts";
import type { Face } from "#src/runs/run.ts";
import type { Goal } from "#src/workspace/model.ts";
import { readMarkdownFile } from "#src/workspace/text-file.ts";

/** What the judge is woken by, of each thing its name and what of it counts. */
export interface Facing {
  readonly playbook: string | null;
  readonly goals: readonly Pick<Goal, "id" | "labels" | "body">[];
  readonly readings: readonly { readonly sensor: string; readonly digest: string }[];
  readonly workers: readonly { readonly name: string; readonly state: string; readonly exitCode: number | null; readonly runId: string }[];
  readonly schedules: readonly { readonly name: string; readonly spec: Json; readonly signal: Json }[];
  readonly claims: readonly { readonly name: string; readonly session: string }[];
  /** Open ones that the judge may answer. */
  readonly asks: readonly { readonly id: string }[];
  /** Commands that it began and that have ended since, by their run. */
  readonly outputs: readonly { readonly runId: string }[];
}

const SHORT = 16;
const short = (value: Json): string => digestOf(value).slice(0, SHORT);
const goalFace = ({ labels, body }: Pick<Goal, "labels" | "body">): string => short({ labels, body });

export function faceOf({ playbook, goals, readings, workers, schedules, claims, asks, outputs }: Facing): Face {
  return Object.fromEntries([
    ["playbook", playbook === null ? "" : short(playbook)],
    ...goals.map((goal) => [`goal:${goal.id}`, goalFace(goal)]),
    ...readings.map(({ sensor, digest }) => [`sensor:${sensor}`, digest.slice(0, SHORT)]),
    ...workers.map(({ name, state, exitCode, runId }) => [`worker:${name}`, short({ state, exitCode, runId })]),
    ...schedules.map(({ name, spec, signal }) => [`schedule:${name}`, short({ spec, signal })]),
    ...claims.map(({ name, session }) => [`claim:${name}`, short(session)]),
    ...asks.map(({ id }) => [`ask:${id}`, "open"]),
    ...outputs.map(({ runId }) => [`output:${runId}`, "ended"]),
  ]);
}

/** Names of what differs, sorted. */
export function changedBetween(before: Face, after: Face): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => before[name] !== after[name]).toSorted();
}

export const faceDigest = (face: Face): string => digestOf(face);

/** What the workspace reads in a text that was written as a file. */
function writtenBy(text: string): Pick<Goal, "labels" | "body"> {
  const read = readMarkdownFile(Buffer.from(text));
  if (read.kind === "faults") return { labels: {}, body: text };
  const { labels = {} } = (read.document.value ?? {}) as { labels?: Record<string, string> };
  return { labels, body: read.body };
}

/** What an act of a decision did, by the tool that it called. */
export interface OwnAct {
  readonly tool: string;
  readonly args: { readonly [key: string]: Json | undefined };
}

/** The things that an act may have moved, each with how it must look now for the act to be all that moved it; null: it is gone; undefined: however it looks. */
function movedBy({ tool, args }: OwnAct): [name: string, digest: string | null | undefined][] {
  const text = (name: string): string => (typeof args[name] === "string" ? args[name] : "");
  switch (tool) {
    case "loop.goal_write":
      return [[`goal:${text("id")}`, goalFace(writtenBy(text("body")))]];
    case "loop.goal_archive":
      return [[`goal:${text("id")}`, null]];
    case "loop.playbook_write":
      return [["playbook", short(writtenBy(text("body")).body)]];
    case "loop.schedule_rm":
      return [[`schedule:${text("name")}`, null]];
    case "loop.schedule_write":
      return [[`schedule:${text("name")}`, undefined]];
    case "loop.claim":
    case "loop.unclaim":
      return [[`claim:${text("name")}`, undefined]];
    case "loop.answer":
      return [[`ask:${text("ask")}`, null]];
    case "loop.worker_start":
    case "loop.worker_kill":
      return [[`worker:${text("id")}`, undefined]];
    default:
      return [];
  }
}

/**
 * The world as a decision saw it, with what it changed itself put in: what others moved meanwhile is not in it, so it wakes the next one. Where somebody changed
 * the same thing again since, that counts as moved by others.
 */
export function faceAfter(seen: Face, now: Face, acts: readonly OwnAct[]): Face {
  const after: Record<string, string> = { ...seen };
  for (const [name, expected] of acts.flatMap(movedBy)) {
    const present = now[name];
    if (expected === null ? present !== undefined : expected !== undefined && present !== expected) continue;
    if (present === undefined) delete after[name];
    else after[name] = present;
  }
  return after;
}
