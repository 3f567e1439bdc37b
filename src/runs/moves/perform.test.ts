import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { effects, effectTool } from "#src/testing/effect-ledger.ts";
import { drain, startRun, testEngine } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { callTool, say, scriptedModel } from "#src/testing/scripted-model.ts";
import { readState } from "../store/state.ts";

test("a findable act whose answer was lost is looked for before it is done again", async (t) => {
  const { db, advance } = await testDatabase(t);
  const folder = await mkdtemp(join(tmpdir(), "loopwright-perform-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const real = effectTool(join(folder, "effects"), { name: "effect.findable", effect: "findable" });
  const lossy: ToolPort = {
    ...real,
    async invoke(args, use) {
      await real.invoke(args, use);
      throw new LoopError("tool_unavailable", "the answer was lost", { facts: { retryAfterMs: 60_000 } });
    },
  };
  const model = scriptedModel([callTool("effect.findable", {}), say("done")]);
  const engine = await testEngine({ db, clock: heldClock(), files: chatWorkspace(), model, tools: [lossy] });
  const runId = await startRun(engine, "helper", "do it");
  await drain(engine);
  assert.equal((await readState(db, runId)).acts.at(-1)!.state, "waiting");
  await advance(50_000);
  await drain(engine);
  assert.equal((await readState(db, runId)).acts.at(-1)!.state, "waiting", "the time that the port named has not come");
  await advance(20_000);
  await drain(engine);
  const { run, acts } = await readState(db, runId);
  assert.deepEqual([run.state, acts.map((act) => act.state), acts[1]!.result], ["done", ["done", "done", "done"], { written: true, found: true }]);
  assert.deepEqual(
    (await effects(join(folder, "effects"))).map(({ times }) => times),
    [1],
  );
});

const RUN_ALLOWED = `apiVersion: loopwright.dev/v1
kind: Policy
name: shell
rules:
  - { name: commands, when: { kind: shell }, then: ask, why: a person looks at commands }
`;
const AGENT = `apiVersion: loopwright.dev/v1
kind: Agent
name: helper
runner: model
procedure: chat
tools: [box.run]
`;

async function commandRun(t: Parameters<typeof testDatabase>[0], { name, policy, refuses }: { name: string; policy: boolean; refuses: boolean }) {
  const { db } = await testDatabase(t);
  const command: ToolPort = {
    name: "box.run",
    description: "runs a command",
    schema: { type: "object" },
    effect: "once",
    kind: "shell",
    check() {
      if (refuses) throw new LoopError("input_invalid", "no policy lets this through");
    },
    invoke: () => Promise.resolve({ ran: true }),
  };
  const model = scriptedModel([callTool(name, {}), say("done")]);
  const files = chatWorkspace({ "agents/helper.yaml": AGENT, ...(policy ? { "policies/shell.yaml": RUN_ALLOWED } : {}) });
  const engine = await testEngine({ db, clock: heldClock(), files, model, tools: [command] });
  const runId = await startRun(engine, "helper", "do it");
  await drain(engine);
  const [, act] = (await readState(db, runId)).acts;
  return { kind: act!.kind, state: act!.state, why: act!.error?.message ?? "", asks: (await openAsks(db)).length };
}

test("a command is an act of kind shell: being offered does not allow it, policy does", async (t) => {
  const unnamed = await commandRun(t, { name: "box.run", policy: false, refuses: false });
  assert.deepEqual([unnamed.kind, unnamed.state, unnamed.asks], ["shell", "denied", 0]);
});

test("a command that policy asks about waits for a person", async (t) => {
  const asked = await commandRun(t, { name: "box.run", policy: true, refuses: false });
  assert.deepEqual([asked.kind, asked.state, asked.asks], ["shell", "asked", 1]);
});

test("what a tool refuses is refused before a person is asked", async (t) => {
  const refused = await commandRun(t, { name: "box.run", policy: true, refuses: true });
  assert.deepEqual([refused.state, refused.asks, /no policy lets this through/.test(refused.why)], ["denied", 0, true]);
});
