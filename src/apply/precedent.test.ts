import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { precedentRequest, proposePrecedent } from "#src/learning/propose-precedent.ts";
import { answerAsk } from "#src/asks/answer.ts";
import type { Ask } from "#src/asks/ask.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { effects, effectTool } from "#src/testing/effect-ledger.ts";
import { drain, startRun, testEngine } from "#src/testing/engine.ts";
import { callTool, say, scriptedModel } from "#src/testing/scripted-model.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { acceptProposal } from "./proposals.ts";

const ANA = { id: "prn_ana" as const, handle: "ana", roles: ["owner"] as const };
const RUI = { id: "prn_rui" as const, handle: "rui", roles: ["approver"] as const };
const THIRTY_DAYS = { for: "30d", reason: "it is our own tracker" };

async function approved(t: TestContext) {
  const { db, advance } = await testDatabase(t);
  const folder = await mkdtemp(join(tmpdir(), "loopwright-precedent-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const ledger = join(folder, "effects");
  const model = scriptedModel((call) => (call.messages.length === 1 ? callTool("effect.careful", { text: "hello" }) : say("done")));
  const engine = await testEngine({
    db,
    clock: systemClock,
    files: chatWorkspace(),
    model,
    tools: [effectTool(ledger, { name: "effect.careful", effect: "findable" })],
  });
  const run = async (): Promise<Ask | undefined> => {
    await startRun(engine, "helper", "do it");
    await drain(engine);
    return (await openAsks(db))[0];
  };
  const ask = (await run())!;
  const approve = async (): Promise<void> => {
    await answerAsk(db, engine.clock, { askId: ask.id, person: RUI, answer: "approve", face: "test" });
    await drain(engine);
  };
  return { db, engine, advance, run, ask, approve, done: async () => (await effects(ledger)).length };
}

test("what was approved becomes a precedent: once an owner accepts it acts like it pass without asking, until it ends", async (t) => {
  const { engine, advance, run, ask, approve, done } = await approved(t);
  const propose = () => proposePrecedent(engine, { askId: ask.id, by: RUI, request: precedentRequest.parse(THIRTY_DAYS) });
  await assert.rejects(propose(), { code: "input_invalid", message: /no act that was approved/ });
  await approve();
  const proposal = await propose();
  assert.match(proposal.files[0]!.text, /lifts:\n +- careful\n/);
  assert.equal((await propose()).id, proposal.id);
  await assert.rejects(acceptProposal(engine, { id: proposal.id, by: RUI }), { code: "permission_missing", message: /owner, admin/ });
  await acceptProposal(engine, { id: proposal.id, by: ANA });
  assert.deepEqual([await run(), await done()], [undefined, 2]);
  await advance(31 * 86_400_000);
  assert.equal((await run())?.rule, "careful");
});

test("a precedent is for whoever may decide, has a reason and an end within a year", async (t) => {
  const { engine, ask, approve } = await approved(t);
  await approve();
  const propose = (by: typeof RUI | { id: "prn_eva"; handle: string; roles: readonly ["viewer"] }, request: unknown) =>
    proposePrecedent(engine, { askId: ask.id, by, request: precedentRequest.parse(request) });
  await assert.rejects(propose({ id: "prn_eva", handle: "eva", roles: ["viewer"] }, THIRTY_DAYS), { code: "ask_not_yours" });
  assert.throws(() => propose(RUI, { for: "400d", reason: "x" }), { message: /a year at most/ });
  assert.throws(() => propose(RUI, { for: "30d", reason: " " }), { name: "ZodError" });
});
