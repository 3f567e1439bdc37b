import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { answerAsk } from "#src/asks/answer.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { inTransaction } from "#src/database/open.ts";
import { openThread } from "#src/intake/open-thread.ts";
import { receiveTurn } from "#src/intake/receive-turn.ts";
import type { LoopError } from "#src/kernel/errors.ts";
import { makePrincipal } from "#src/people/people-fixture.ts";
import { takeCall } from "#src/services/call.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain, testEngine } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { callTool, say, scriptedModel } from "#src/testing/scripted-model.ts";
import { prepareCall, requestCall } from "#src/runs/call/request.ts";

const careful = {
  name: "effect.careful",
  description: "",
  schema: { type: "object" },
  effect: "idempotent" as const,
  invoke: () => Promise.resolve({ done: true }),
};
const agent = (name: string, more: string): string =>
  `apiVersion: loopwright.dev/v1\nkind: Agent\nname: ${name}\nrunner: model\nprocedure: chat\ninstructions: You are ${name}.\n${more}\n`;
const SEPARATED = `approvals: { requireFor: [effect.careful], approvers: { roles: [owner] }, separation: true }`;

async function house(t: TestContext) {
  const { db } = await testDatabase(t);
  const clock = heldClock();
  const files = chatWorkspace({
    "agents/doer.yaml": agent("doer", `tools: [effect.careful]\n${SEPARATED}`),
    "agents/giver.yaml": agent("giver", "tools: [effect.careful]\ndelegates: [doer]"),
    "services/do.yaml": "apiVersion: loopwright.dev/v1\nkind: Service\nname: do\nstartingAgent: doer\nagents: [doer]\n",
  });
  const model = scriptedModel(({ system, messages }) => {
    if (messages.some(({ role }) => role === "tool")) return say("done");
    return system.startsWith("You are giver") ? callTool("delegate.doer", { goal: "do it" }) : callTool("effect.careful");
  });
  const engine = await testEngine({ db, clock, files, model, tools: [careful] });
  const [mia, zoe] = [await makePrincipal(db, clock, { handle: "mia", roles: ["owner"] }), await makePrincipal(db, clock, { handle: "zoe", roles: ["owner"] })];
  const { revision, workspace } = await engine.workspaces.current();
  const place = { clock, revision, workspace, tiers: engine.tiers(workspace) };
  const tim = await makePrincipal(db, clock, { handle: "tim", roles: ["owner"] });
  const told = async (to: string, ...others: readonly (typeof mia)[]): Promise<void> => {
    const { thread } = await inTransaction(db, (tx) =>
      openThread(tx, { clock, workspace }, { surface: "s", channel: "c", externalId: to, agent: to, labels: {}, by: mia }),
    );
    for (const author of [mia, ...others])
      await receiveTurn({ ...engine, mayTake: () => true }, { threadId: thread.id, text: "do it", author, trust: "owner" });
  };
  return { db, clock, engine, mia, zoe, tim, place, workspace, told };
}

type House = Awaited<ReturnType<typeof house>>;
const WAYS: readonly (readonly [string, (at: House) => Promise<unknown>])[] = [
  ["in a conversation", (at) => at.told("doer")],
  ["through an agent that gives the work away", (at) => at.told("giver")],
  [
    "by a service",
    ({ db, place, workspace, mia }) =>
      takeCall(db, place, { service: workspace.services[0]!, caller: mia, body: { messages: [{ role: "user", text: "do it" }] } }),
  ],
  [
    "by calling the tool",
    async ({ db, engine, place, workspace, mia }) =>
      requestCall(db, place, await prepareCall(engine.tools, workspace, { name: "effect.careful", args: {}, agent: "doer", by: mia })),
  ],
];

for (const [how, ask] of WAYS) {
  test(`whoever asked for it ${how} cannot approve it where a separation holds, and somebody else can`, async (t) => {
    const at = await house(t);
    await ask(at);
    await drain(at.engine);
    const [open] = await openAsks(at.db);
    const answer = { askId: open!.id, answer: "approve", face: "test" };
    await assert.rejects(answerAsk(at.db, at.clock, { ...answer, person: at.mia }), (error: LoopError) => error.code === "ask_not_yours");
    assert.equal((await answerAsk(at.db, at.clock, { ...answer, person: at.zoe })).kind, "settled");
  });
}

test("where a separation holds nobody decides whose words are in the turn, whoever began it", async (t) => {
  const { db, clock, engine, mia, zoe, tim, told } = await house(t);
  await told("doer", zoe);
  await drain(engine);
  const [open] = await openAsks(db);
  const answer = { askId: open!.id, answer: "approve", face: "test" };
  for (const person of [mia, zoe]) {
    const refused = answerAsk(db, clock, { ...answer, person });
    await assert.rejects(refused, (error: LoopError) => error.code === "ask_not_yours" && error.message.includes(`${person.handle} brought this work`));
  }
  assert.equal((await answerAsk(db, clock, { ...answer, person: tim })).kind, "settled");
});
