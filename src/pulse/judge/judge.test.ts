import assert from "node:assert/strict";
import { test } from "node:test";
import type { ModelCall } from "#src/acts/ports/model-port.ts";
import { answerAsk } from "#src/asks/answer.ts";
import { openAsks } from "#src/asks/store/read.ts";
import type { Caller } from "#src/people/principal.ts";
import { makePrincipal } from "#src/people/people-fixture.ts";
import { callTool, callTools, failWith, say, scriptedModel, type ScriptStep } from "#src/testing/scripted-model.ts";
import { LOOP_VERBS } from "../contract/verbs.ts";
import { JUDGE_FILES, type JudgeHouse, judgeHouse } from "./judge-fixture.ts";
import { NO_TOOLS, TOOL_TERMS } from "./tool-terms.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const worldIn = ({ messages }: ModelCall): string => {
  const first = messages[0]!;
  return "text" in first ? first.text : "";
};
const isFirst = ({ messages }: ModelCall): boolean => messages.length === 1;

/** Does this in its first thought, and is done in the second. */
const once =
  (step: (call: ModelCall) => ReturnType<typeof say>): Exclude<ScriptStep, ReturnType<typeof say>> =>
  (call) =>
    isFirst(call) ? step(call) : say("Done.");

const verb = (name: string) => LOOP_VERBS.find((known) => known.name === name)!;

async function ask(at: JudgeHouse, prompt: string, options: readonly string[] = []): Promise<string> {
  const who = await makePrincipal(at.db, at.clock, { handle: `asker-${prompt.length}`, roles: ["worker"] });
  const caller: Caller = { ...who, tokenId: "tkn_test", scopes: ["pulse:work"], runId: null };
  const said = await verb("ask").perform(at.deps, { caller, signal: AbortSignal.timeout(10_000) }, { worker: "fix-login", prompt, options, reference: "" });
  return (said as { alias: string }).alias;
}

test("every verb is a tool, or stands among those that are none", () => {
  const undecided = LOOP_VERBS.map(({ name }) => name).filter((name) => !NO_TOOLS.has(name) && !Object.hasOwn(TOOL_TERMS, name));
  assert.deepEqual(undecided, []);
});

test("it decides by tools: a goal is written in its name, and what it did does not wake it again", async (t) => {
  const model = scriptedModel(once(() => callTool("loop.goal_write", { id: "bread", body: "# Bread\n\nEach day." })));
  const at = await judgeHouse(t, model);
  assert.equal(await at.settle(), 1);
  assert.equal(model.calls.length, 2);
  const { workspace } = await at.engine.workspaces.current();
  assert.deepEqual(workspace.goals.map(({ id }) => id).toSorted(), ["bread", "stock"]);
  assert.match(worldIn(model.calls[0]!), /^## PLAYBOOK\n> Ship small\.\n\n## GOALS\n### goal "stock"\n/);
  assert.match(model.calls[0]!.system, /^## INSTRUCTIONS\n[^]*Keep it small\.\n\n## CONSTITUTION\n1\. /);
  const [woken] = await at.events("judge.woken");
  assert.equal(woken!["reason"], "first");
  const [decided] = await at.events("judge.decided");
  assert.deepEqual(decided, { outcome: "done", reason: "first", did: ["loop.goal_write"], said: "Done.", costUsd: 0.00028 });
  const [line] = await at.events("loop.action");
  assert.equal(line!["line"], "write-goal bread");
  assert.equal(await at.settle(), 0);
  assert.equal(model.calls.length, 2);
});

test("an hour in which nothing moves calls no model; the last no-op gets old after six", async (t) => {
  const model = scriptedModel(() => say("Nothing to do."));
  const at = await judgeHouse(t, model);
  await at.settle();
  assert.equal(model.calls.length, 1);
  for (let minute = 0; minute < 60; minute += 1) {
    await at.pass(MINUTE_MS);
    await at.reading("ci", { state: "green" }, { minute });
    if (minute === 0) await at.settle(); // a new sensor is news, once
    assert.equal((await at.judge.beat())!.kind, "wait");
  }
  assert.equal(model.calls.length, 2);
  await at.pass(5 * HOUR_MS + MINUTE_MS);
  await at.settle();
  assert.equal(model.calls.length, 3);
  assert.equal((await at.events("judge.woken")).at(-1)!["reason"], "last no-op is old");
});

test("a worker's question wakes it, and it answers as itself; an approval it never answers", async (t) => {
  const model = scriptedModel((call) =>
    isFirst(call) && worldIn(call).includes("fix-login-1") ? callTool("loop.answer", { ask: "fix-login-1", text: "yes" }) : say("Done."),
  );
  const at = await judgeHouse(t, model);
  await at.settle();
  const alias = await ask(at, "May I drop Safari 14?", ["yes", "no"]);
  assert.equal(alias, "fix-login-1");
  assert.equal(await at.settle(), 1);
  assert.deepEqual(await openAsks(at.db), []);
  const [answered] = await at.events("ask.answered");
  assert.match(JSON.stringify(answered), /yes/);
  assert.equal(await at.settle(), 0, "its own answer is no news");
});

test("what a person answers wakes it", async (t) => {
  const model = scriptedModel(() => say("Let a person say."));
  const at = await judgeHouse(t, model);
  await ask(at, "Which colour?");
  await at.settle();
  const ana = await makePrincipal(at.db, at.clock, { handle: "ana", roles: ["owner"] });
  const [open] = await openAsks(at.db);
  await answerAsk(at.db, at.clock, { askId: open!.id, person: ana, answer: "blue", face: "test" });
  assert.equal(await at.settle(), 1);
  assert.equal((await at.events("judge.woken")).at(-1)!["reason"], "ask answered");
});

test("a provider that refuses makes it wait longer and longer; a PLAYBOOK that changed lets it try at once; a success clears", async (t) => {
  let works = false;
  const model = scriptedModel(() => (works ? say("Fine.") : failWith("not_authorised")));
  const at = await judgeHouse(t, model);
  await at.settle();
  for (const seconds of [60, 120, 240, 300, 300]) {
    const calls = model.calls.length;
    await at.pass(seconds * 1_000 - 1_000);
    await at.settle();
    assert.equal(model.calls.length, calls, `before ${seconds} s`);
    await at.pass(1_000);
    await at.settle();
    assert.equal(model.calls.length, calls + 1, `after ${seconds} s`);
  }
  const calls = model.calls.length;
  await at.write({ "PLAYBOOK.md": "Ship smaller.\n" });
  works = true;
  await at.settle();
  assert.equal(model.calls.length, calls + 1);
  assert.match(worldIn(model.calls.at(-1)!), /## LAST FAILURE\n> The last decision ended as failed: .*\n> Done before that: nothing\./);
  assert.equal((await at.judge.beat())!.kind, "wait");
});

test("so many decisions an hour, then a person is asked once", async (t) => {
  const model = scriptedModel(() => say("Seen."));
  const at = await judgeHouse(t, model, { files: { "loop.yaml": `${JUDGE_FILES["loop.yaml"]}judgement: { mostPerHour: 3 }\n` } });
  for (let turn = 0; turn < 6; turn += 1) {
    await at.reading("ci", { turn });
    await at.settle();
  }
  assert.equal(model.calls.length, 3);
  const asks = await openAsks(at.db);
  assert.deepEqual(
    asks.map(({ kind, purpose, options }) => ({ kind, purpose, options })),
    [{ kind: "choice", purpose: "judge", options: ["go on", "wait for the hour"] }],
  );
  const ana = await makePrincipal(at.db, at.clock, { handle: "ana", roles: ["owner"] });
  await answerAsk(at.db, at.clock, { askId: asks[0]!.id, person: ana, answer: "go on", face: "test" });
  await at.settle();
  assert.equal(model.calls.length, 4);
});

test("the same again and again on the same world pauses it and asks", async (t) => {
  const model = scriptedModel(
    once(() =>
      callTools([
        { name: "loop.journal_write", args: { text: "looking" } },
        { name: "loop.wake_in", args: { seconds: 5 } },
      ]),
    ),
  );
  const at = await judgeHouse(t, model);
  for (let turn = 0; turn < 6; turn += 1) {
    await at.settle();
    await at.pass(10_000);
  }
  assert.equal((await at.events("judge.decided")).length, 3);
  assert.deepEqual(
    (await openAsks(at.db)).map(({ prompt }) => prompt),
    ["The judge inside did the same three times on the same world. May it go on?"],
  );
  await at.reading("ci", "red");
  await at.settle();
  assert.equal((await at.events("judge.decided")).length, 4);
});

test("stale: what moved while it thought is refused or looked at again, and nothing is done twice", async (t) => {
  const house: { at?: JudgeHouse } = {};
  const model = scriptedModel(async (call) => {
    if (!isFirst(call) || (await openAsks(house.at!.db)).length === 0) return say("Done.");
    await answeredMeanwhile(house.at!);
    return callTool("loop.answer", { ask: "fix-login-1", text: "yes" });
  });
  const at = (house.at = await judgeHouse(t, model));
  await ask(at, "Drop it?", ["yes", "no"]);
  await at.settle();
  const refused = model.calls[1]!.messages.at(-1)!;
  assert.match(JSON.stringify(refused), /was answered by ana before/);
  const wokenBy = (await at.events("judge.woken")).map(({ reason, changed }) => ({ reason, changed }));
  assert.deepEqual(wokenBy, [
    { reason: "first", changed: [] },
    { reason: "ask answered", changed: ["ask:fix-login-1", "sensor:ci"] },
  ]);
});

/** A person is sooner, and a sensor moves. */
async function answeredMeanwhile(at: JudgeHouse): Promise<void> {
  const [open] = await openAsks(at.db);
  const person = await makePrincipal(at.db, at.clock, { handle: "ana", roles: ["owner"] });
  await answerAsk(at.db, at.clock, { askId: open!.id, person, answer: "no", face: "test" });
  await at.reading("ci", "red");
}

test("unobserved: what moves and moves back between two looks wakes nobody, and the next decision sees the world as it is", async (t) => {
  const model = scriptedModel(() => say("Seen."));
  const at = await judgeHouse(t, model);
  await at.reading("ci", "green");
  await at.settle();
  await at.reading("ci", "red");
  await at.reading("ci", "green");
  assert.equal(await at.settle(), 0);
  await at.reading("ci", "red");
  await at.reading("disk", "full");
  await at.settle();
  assert.equal(model.calls.length, 2);
  assert.match(worldIn(model.calls[1]!), /> - sensor "ci": "green"\n> \+ sensor "ci": "red"\n> \+ sensor "disk": "full"/);
});

test("two processes begin one decision; outside begins none, and inside begins again without a restart", async (t) => {
  const model = scriptedModel(() => say("Seen."));
  const at = await judgeHouse(t, model);
  await Promise.all([at.judge.beat(), at.judge.beat(), at.judge.beat()]);
  assert.equal((await at.events("judge.woken")).length, 1);
  await at.settle();
  const outside = JUDGE_FILES["loop.yaml"]!.replace("inside", "outside");
  await at.apply({ "loop.yaml": outside });
  await at.reading("ci", "red");
  assert.equal(await at.judge.beat(), undefined);
  assert.equal(await at.settle(), 0);
  await at.apply({ "loop.yaml": outside.replace("outside", "inside") });
  assert.equal(await at.settle(), 1);
});
