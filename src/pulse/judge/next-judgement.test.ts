import assert from "node:assert/strict";
import { test } from "node:test";
import type { Face, JudgeBrief } from "#src/runs/run.ts";
import { faceAfter, faceOf, type Facing } from "./face.ts";
import { type JudgeAsk, type Judgement, type JudgeState, nextJudgement } from "./next-judgement.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NOW = Date.UTC(2026, 5, 1, 12);
const WORLD: Face = { playbook: "p1", "goal:stock": "g1", "sensor:ci": "green" };

const decided = (
  more: Partial<Judgement> = {},
  { after = {}, ...brief }: Partial<Omit<JudgeBrief, "after">> & { after?: Partial<JudgeBrief["after"]> | null } = {},
): Judgement => ({
  runId: "run_1",
  state: "done",
  startedAtMs: NOW - 2 * MINUTE_MS,
  endedAtMs: NOW - MINUTE_MS,
  brief: {
    reason: "world moved",
    changed: [],
    sensor: null,
    worldHash: "h",
    cursor: "c",
    seen: WORLD,
    ...brief,
    ...(after === null ? {} : { after: { face: WORLD, fingerprint: null, wakeAtMs: null, ...after } }),
  },
  ...more,
});

const state = (more: Partial<JudgeState> = {}): JudgeState => ({
  now: WORLD,
  last: [decided()],
  startedInHour: [],
  asks: [],
  terms: { noopTtlMs: 6 * HOUR_MS, mostPerHour: 120 },
  ...more,
});

const reasonOf = (given: JudgeState, nowMs = NOW): string | undefined => {
  const next = nextJudgement(given, nowMs);
  return next.kind === "decide" ? next.wake.reason : undefined;
};

test("nothing moved: it waits until its last look is old", () => {
  assert.deepEqual(nextJudgement(state(), NOW), { kind: "wait", untilMs: NOW - MINUTE_MS + 6 * HOUR_MS, why: "nothing moved" });
  assert.equal(reasonOf(state(), NOW - MINUTE_MS + 6 * HOUR_MS), "last no-op is old");
});

test("it is woken by what moved, and says by what", () => {
  assert.equal(reasonOf(state({ last: [] })), "first");
  const next = nextJudgement(state({ now: { ...WORLD, "sensor:ci": "red", "goal:new": "g" } }), NOW);
  assert.deepEqual(next, { kind: "decide", wake: { reason: "world moved", changed: ["goal:new", "sensor:ci"], sensor: "ci" } });
  const asked = decided({}, { after: { face: { ...WORLD, "ask:a-1": "open", "schedule:daily": "s1" } } });
  assert.equal(reasonOf(state({ last: [asked], now: { ...WORLD, "schedule:daily": "s1" } })), "ask answered");
  assert.equal(reasonOf(state({ last: [asked], now: { ...WORLD, "ask:a-1": "open", "schedule:daily": "s2" } })), "schedule fired");
  assert.equal(reasonOf(state({ last: [decided({}, { after: { wakeAtMs: NOW } })] })), "asked to be woken");
});

test("what moved and moved back is no reason, and nothing is lost: the next decision sees the world whole", () => {
  const red = state({ now: { ...WORLD, "sensor:ci": "red" } });
  assert.equal(reasonOf(red), "world moved");
  assert.equal(reasonOf({ ...red, now: WORLD }), undefined);
});

test("never two at once, and what one left is written down before the next", () => {
  const open = decided({ state: "running", endedAtMs: null }, { after: null });
  const moved = { now: { ...WORLD, "sensor:ci": "red" } };
  assert.deepEqual(nextJudgement(state({ ...moved, last: [open] }), NOW), { kind: "wait", untilMs: null, why: "run_1 is deciding" });
  assert.deepEqual(nextJudgement(state({ ...moved, last: [decided({}, { after: null })] }), NOW), { kind: "settle", runId: "run_1" });
});

test("after failures it waits 60 s, 120 s, 240 s and no longer than 300 s; only a success clears that", () => {
  const failed = (endedAtMs: number): Judgement => decided({ state: "failed", endedAtMs });
  for (const [count, seconds] of [60, 120, 240, 300, 300, 300].entries()) {
    const last = [...Array.from({ length: count + 1 }, (_, at) => failed(NOW - at * MINUTE_MS)), decided({ endedAtMs: NOW - HOUR_MS })];
    const next = nextJudgement(state({ last }), NOW);
    assert.deepEqual(next, { kind: "wait", untilMs: NOW + seconds * 1_000, why: "the last decision failed" });
    assert.equal(reasonOf(state({ last }), NOW + seconds * 1_000), "last decision failed");
  }
  assert.equal(reasonOf(state({ last: [decided(), failed(NOW - HOUR_MS)] })), undefined);
  const between = [failed(NOW), decided({ state: "cancelled" }), failed(NOW - MINUTE_MS)];
  assert.equal(nextJudgement(state({ last: between }), NOW).kind, "wait");
  assert.equal(reasonOf(state({ last: between }), NOW + 120_000), "last decision failed");
});

test("a PLAYBOOK that was changed since cuts the wait; another change does not", () => {
  const last = [decided({ state: "failed", endedAtMs: NOW }), decided()];
  assert.equal(reasonOf(state({ last, now: { ...WORLD, "sensor:ci": "red" } })), undefined);
  assert.equal(reasonOf(state({ last, now: { ...WORLD, playbook: "p2" } })), "last decision failed");
});

test("a decision whose record cannot be read counts as four failures", () => {
  const last = [decided({ brief: null, endedAtMs: NOW }), decided()];
  assert.deepEqual(nextJudgement(state({ last }), NOW), { kind: "wait", untilMs: NOW + 300_000, why: "the last decision failed" });
});

const askAbout = (about: JudgeAsk["about"], more: Partial<JudgeAsk> = {}): JudgeAsk => ({
  about,
  runId: "run_1",
  state: "open",
  answer: null,
  openedAtMs: NOW - MINUTE_MS,
  settledAtMs: null,
  ...more,
});

test("at the cap of an hour a person is asked once; go on gives as many again, silence waits for the hour", () => {
  const moved = { ...WORLD, "sensor:ci": "red" };
  const terms = { noopTtlMs: 6 * HOUR_MS, mostPerHour: 3 };
  const startedInHour = [NOW - 50 * MINUTE_MS, NOW - 40 * MINUTE_MS, NOW - 30 * MINUTE_MS];
  const full = state({ now: moved, terms, startedInHour });
  assert.deepEqual(nextJudgement(full, NOW), { kind: "ask", about: "cap", runId: "run_1" });
  assert.deepEqual(nextJudgement({ ...full, asks: [askAbout("cap")] }, NOW), {
    kind: "wait",
    untilMs: NOW + 10 * MINUTE_MS,
    why: "3 decisions within an hour",
  });
  assert.equal(reasonOf({ ...full, asks: [askAbout("cap")] }, NOW + 11 * MINUTE_MS), "world moved");
  const goOn = askAbout("cap", { state: "answered", answer: "go on", settledAtMs: NOW - 30_000 });
  assert.equal(reasonOf({ ...full, asks: [goOn] }), "world moved");
  const again = { ...full, asks: [goOn], startedInHour: [NOW - 3, NOW - 2, NOW - 1] };
  assert.deepEqual(nextJudgement(again, NOW), { kind: "ask", about: "cap", runId: "run_1" });
  assert.equal(reasonOf({ ...full, startedInHour: startedInHour.slice(1) }), "world moved");
});

test("the same decision three times on the same world pauses and asks; no-ops and schedules are no loop", () => {
  const same = (runId: string, more: Parameters<typeof decided>[1] = {}): Judgement =>
    decided({ runId }, { after: { fingerprint: "f", wakeAtMs: NOW }, ...more });
  const loop = state({ last: [same("run_3"), same("run_2"), same("run_1")] });
  assert.deepEqual(nextJudgement(loop, NOW), { kind: "ask", about: "loop", runId: "run_3" });
  const open = askAbout("loop", { runId: "run_3" });
  assert.equal(nextJudgement({ ...loop, asks: [open] }, NOW).kind, "wait");
  assert.equal(nextJudgement({ ...loop, asks: [{ ...open, state: "answered", answer: "wait until something moves" }] }, NOW).kind, "wait");
  assert.equal(reasonOf({ ...loop, asks: [{ ...open, state: "answered", answer: "go on" }] }), "asked to be woken");
  assert.equal(reasonOf({ ...loop, now: { ...WORLD, "sensor:ci": "red" } }), "world moved");
  const idle = same("run_2", { after: { fingerprint: null } });
  assert.equal(reasonOf(state({ last: [same("run_3"), idle, same("run_1")] })), "asked to be woken");
  const daily = ["run_3", "run_2", "run_1"].map((runId) => same(runId, { reason: "schedule fired", after: { fingerprint: "f", wakeAtMs: NOW } }));
  assert.equal(reasonOf(state({ last: daily })), "asked to be woken");
});

const FACING: Facing = {
  playbook: "Ship small.",
  goals: [{ id: "stock", labels: {}, body: "Flour." }],
  readings: [{ sensor: "ci", digest: "green" }],
  workers: [],
  schedules: [],
  claims: [],
  asks: [{ id: "ask_1" }],
  outputs: [],
};

test("what a decision did itself is no news to the next one; what others did meanwhile is", () => {
  const seen = faceOf(FACING);
  const wrote = { tool: "loop.goal_write", args: { id: "stock", body: "---\nlabels: { shop: lisbon }\n---\n\nFlour for two weeks.\n" } };
  const after: Facing = { ...FACING, goals: [{ id: "stock", labels: { shop: "lisbon" }, body: "Flour for two weeks." }] };
  assert.deepEqual(faceAfter(seen, faceOf(after), [wrote]), faceOf(after));
  const edited = faceOf({ ...after, goals: [{ id: "stock", labels: {}, body: "Flour for three weeks." }] });
  assert.deepEqual(faceAfter(seen, edited, [wrote]), seen, "somebody changed it again: that is news");
  const red = faceOf({ ...after, readings: [{ sensor: "ci", digest: "red" }] });
  assert.equal(faceAfter(seen, red, [wrote])["sensor:ci"], seen["sensor:ci"], "a sensor that moved while it thought is news");
  const answered = faceOf({ ...FACING, asks: [] });
  assert.deepEqual(faceAfter(seen, answered, [{ tool: "loop.answer", args: { ask: "ask_1", text: "yes" } }]), answered);
  assert.deepEqual(faceAfter(seen, faceOf({ ...FACING, goals: [] }), [{ tool: "loop.goal_archive", args: { id: "stock" } }]), faceOf({ ...FACING, goals: [] }));
});
