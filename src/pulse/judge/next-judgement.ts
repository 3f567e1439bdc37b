import type { Face, JudgeBrief, RunStatus } from "#src/runs/run.ts";
import { changedBetween, faceDigest } from "./face.ts";

/** One decision as it stands on record. `brief` null: what it saw cannot be read. Times by the clock of the database, in milliseconds since 1970. */
export interface Judgement {
  readonly runId: string;
  readonly state: RunStatus;
  readonly brief: JudgeBrief | null;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
}

/** Something that the judge's own process asked people. */
export interface JudgeAsk {
  readonly about: "cap" | "loop";
  /** The decision after which it was asked. */
  readonly runId: string;
  readonly state: "open" | "answered" | "expired" | "cancelled";
  readonly answer: string | null;
  readonly openedAtMs: number;
  readonly settledAtMs: number | null;
}

export interface JudgeState {
  readonly now: Face;
  /** The newest first; as many as anything here looks back. */
  readonly last: readonly Judgement[];
  /** When the decisions of the last hour began, the oldest first. */
  readonly startedInHour: readonly number[];
  /** The newest first. */
  readonly asks: readonly JudgeAsk[];
  readonly terms: { readonly noopTtlMs: number; readonly mostPerHour: number };
}

/** Why the judge is woken, as it is recorded. */
export type Wake = Pick<JudgeBrief, "reason" | "changed" | "sensor">;

export type NextJudgement =
  | { readonly kind: "decide"; readonly wake: Wake }
  /** A decision has ended, and what it left is not written down yet. */
  | { readonly kind: "settle"; readonly runId: string }
  | { readonly kind: "ask"; readonly about: JudgeAsk["about"]; readonly runId: string }
  /** `untilMs` null: until something moves. */
  | { readonly kind: "wait"; readonly untilMs: number | null; readonly why: string };

export const GO_ON = "go on";

const HOUR_MS = 3_600_000;
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 300_000;
/** What cannot be read counts as so many failures: nobody knows that it was fewer. */
const UNREADABLE_FAILURES = 4;
/** So often the same decision on the same world is no accident any more. */
const SAME_DECISIONS = 3;

/**
 * What the judge inside should do next, from what is recorded and how the world stands. Level-triggered: what moved and moved back between two looks is not
 * seen, and nothing has to be done about it. Pure.
 */
export function nextJudgement(state: JudgeState, nowMs: number): NextJudgement {
  const newest = state.last[0];
  if (newest && newest.endedAtMs === null) return { kind: "wait", untilMs: null, why: whyOpen(newest) };
  if (newest?.brief && newest.brief.after === undefined) return { kind: "settle", runId: newest.runId };
  const wake = wakeOf(state, nowMs);
  if (!wake) return { kind: "wait", untilMs: nextLookMs(state), why: "nothing moved" };
  const pausedUntilMs = pauseAfterFailures(state);
  if (pausedUntilMs > nowMs) return { kind: "wait", untilMs: pausedUntilMs, why: "the last decision failed" };
  return aboutLoop(state) ?? aboutCap(state, nowMs) ?? { kind: "decide", wake };
}

function whyOpen({ runId, state }: Judgement): string {
  if (state === "waiting") return `${runId} waits: for a person, or for its provider`;
  return state === "paused" || state === "quarantined" ? `${runId} is ${state}` : `${runId} is deciding`;
}

/** A decision that a person cancelled saw the world, too. */
const baseOf = ({ last }: JudgeState): Judgement | undefined => last.find(({ state, brief }) => brief?.after && (state === "done" || state === "cancelled"));

const isFailure = ({ state, brief }: Judgement): boolean => brief === null || state === "failed" || state === "interrupted";

function wakeOf(state: JudgeState, nowMs: number): Wake | undefined {
  const base = baseOf(state);
  const changed = base ? changedBetween(base.brief!.after!.face, state.now) : [];
  const sensor = changed.find((name) => name.startsWith("sensor:"))?.slice("sensor:".length) ?? null;
  const reason = reasonOf(state, { base, changed, nowMs });
  return reason === undefined ? undefined : { reason, changed, sensor };
}

function reasonOf(state: JudgeState, { base, changed, nowMs }: { base: Judgement | undefined; changed: readonly string[]; nowMs: number }): string | undefined {
  if (state.last[0] && isFailure(state.last[0])) return "last decision failed";
  if (!base) return "first";
  if (changed.some((name) => name.startsWith("ask:") && state.now[name] === undefined)) return "ask answered";
  if (changed.some((name) => name.startsWith("schedule:") && state.now[name] !== undefined)) return "schedule fired";
  if (changed.length > 0) return "world moved";
  const { wakeAtMs } = base.brief!.after!;
  if (wakeAtMs !== null && wakeAtMs <= nowMs) return "asked to be woken";
  return base.endedAtMs! + state.terms.noopTtlMs <= nowMs ? "last no-op is old" : undefined;
}

function nextLookMs(state: JudgeState): number | null {
  const base = baseOf(state);
  if (!base) return null;
  return Math.min(base.endedAtMs! + state.terms.noopTtlMs, base.brief!.after!.wakeAtMs ?? Infinity);
}

/** Until when nothing is tried after failures in a row; only a success clears them, and a PLAYBOOK that was changed since lets the next try begin. */
function pauseAfterFailures({ last, now }: JudgeState): number {
  const tried = last.filter(({ state }) => state !== "cancelled");
  const end = tried.findIndex((one) => !isFailure(one));
  const failed = end === -1 ? tried : tried.slice(0, end);
  const newest = failed[0];
  if (!newest) return 0;
  const playbook = newest.brief?.after?.face["playbook"];
  if (playbook !== undefined && playbook !== now["playbook"]) return 0;
  const count = failed.reduce((sum, { brief }) => sum + (brief === null ? UNREADABLE_FAILURES : 1), 0);
  return newest.endedAtMs! + Math.min(FIRST_PAUSE_MS * 2 ** (count - 1), LONGEST_PAUSE_MS);
}

/** The last decisions did the same on the same world, and it is that world still. Schedules are meant to repeat. */
function aboutLoop({ last, now, asks }: JudgeState): NextJudgement | undefined {
  const newest = last.slice(0, SAME_DECISIONS);
  const world = faceDigest(now);
  const isLoop =
    newest.length === SAME_DECISIONS &&
    newest.every(({ brief }) => {
      if (!brief?.after || brief.after.fingerprint === null || brief.reason === "schedule fired") return false;
      return brief.after.fingerprint === newest[0]!.brief!.after!.fingerprint && faceDigest(brief.seen) === world;
    });
  if (!isLoop) return undefined;
  const { runId } = newest[0]!;
  const asked = asks.find((ask) => ask.about === "loop" && ask.runId === runId);
  if (!asked) return { kind: "ask", about: "loop", runId };
  if (asked.answer === GO_ON) return undefined;
  return { kind: "wait", untilMs: null, why: "it did the same three times on the same world; it goes on when that moves, or somebody says so" };
}

/** So many decisions an hour, then a person is asked once; whoever says to go on gives as many again. */
function aboutCap({ last, startedInHour, asks, terms }: JudgeState, nowMs: number): NextJudgement | undefined {
  const asked = asks.find((ask) => ask.about === "cap" && ask.openedAtMs > nowMs - HOUR_MS);
  const sinceMs = asked?.answer === GO_ON ? asked.settledAtMs! : -Infinity;
  const counted = startedInHour.filter((startedMs) => startedMs > nowMs - HOUR_MS && startedMs > sinceMs);
  if (counted.length < terms.mostPerHour) return undefined;
  if (!asked || sinceMs > -Infinity) return { kind: "ask", about: "cap", runId: last[0]!.runId };
  return { kind: "wait", untilMs: counted.at(-terms.mostPerHour)! + HOUR_MS, why: `${counted.length} decisions within an hour` };
}
