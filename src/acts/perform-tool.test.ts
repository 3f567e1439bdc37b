import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { createRedactor } from "#src/kernel/redaction.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain, startRun, testEngine } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { callTool, say, scriptedModel } from "#src/testing/scripted-model.ts";
import type { ToolPort } from "./ports/tool-port.ts";
import { actsOfRun } from "./store/read.ts";

const SECRET = "the-value-nobody-may-see";
// Put together here, so that no scanner takes this file for a leak.
const KEYS = [`gh${"p_"}${"a1B2".repeat(9)}`, `AK${"IA"}ABCDEFGHIJKLMNOP`, `-----BEGIN RSA ${"PRIVATE"} KEY-----`, `s${"k-"}proj-${"x1".repeat(12)}`];

async function callsOf(t: Parameters<typeof testDatabase>[0], args: readonly { readonly [key: string]: string | number }[]) {
  const { db } = await testDatabase(t);
  const sent: unknown[] = [];
  const tool: ToolPort = {
    name: "effect.idempotent",
    description: "sends a note outside",
    schema: { type: "object", properties: { note: { type: "string" }, to: { type: "string" } }, required: ["note"], additionalProperties: false },
    effect: "idempotent",
    terms: { outbound: true },
    invoke: async (given) => {
      sent.push(given);
      return "sent";
    },
  };
  const redactor = createRedactor();
  redactor.learn(SECRET);
  const model = scriptedModel([...args.map((one) => callTool("effect.idempotent", one)), say("done")]);
  const engine = await testEngine({ db, clock: heldClock(), files: chatWorkspace(), tools: [tool], model, redactor });
  const runId = await startRun(engine, "helper", "send it");
  await drain(engine);
  const acts = (await actsOfRun(db, runId)).filter(({ kind }) => kind === "tool");
  return { acts, sent, model };
}

test("arguments that do not fit the schema are refused before policy sees them, and the model is told the field", async (t) => {
  const { acts, sent, model } = await callsOf(t, [{ note: 3 }, { note: "hello" }]);
  assert.deepEqual(
    acts.map(({ state, error }) => [state, error?.code, error?.message]),
    [
      [
        "denied",
        "denied_by_arguments",
        "The arguments of effect.idempotent do not fit: note: got 3, expected string. Nothing was done; call it again with arguments that fit.",
      ],
      ["done", undefined, undefined],
    ],
  );
  assert.deepEqual(sent, [{ note: "hello" }]);
  assert.match(JSON.stringify(model.calls[1]?.messages.at(-1)), /note: got 3, expected string/);
});

test("what goes outside carries no value of a secret, in no form, and nothing that is a key by its looks", async (t) => {
  const spread = SECRET.split("").join("\u200b");
  const texts = [SECRET, `see ${Buffer.from(SECRET).toString("base64")}`, spread, ...KEYS];
  const { acts, sent } = await callsOf(
    t,
    texts.map((note) => ({ note })),
  );
  assert.deepEqual(
    acts.map(({ state, error }) => [state, error?.code]),
    texts.map(() => ["denied", "denied_by_arguments"]),
  );
  assert.ok(acts.every(({ error }) => error!.message.includes("note holds") && !error!.message.includes(SECRET)));
  assert.deepEqual(sent, []);
});

test("a secret that a tool gives back, or names in its failure, is neither kept nor shown to a model", async (t) => {
  const { db } = await testDatabase(t);
  const echo = (name: string, answer: () => Promise<Json>): ToolPort => ({
    name,
    description: "",
    schema: { type: "object" },
    effect: "idempotent",
    invoke: answer,
  });
  const headers = { headers: [{ authorization: `Bearer ${SECRET}` }, Buffer.from(SECRET).toString("base64")], [SECRET]: 1 };
  const tools = [
    echo("effect.idempotent", () => Promise.resolve(headers)),
    echo("effect.findable", () => Promise.reject(new LoopError("tool_failed", `It does not know the key ${SECRET}.`))),
  ];
  const redactor = createRedactor();
  redactor.learn(SECRET);
  const model = scriptedModel([callTool("effect.idempotent"), callTool("effect.findable"), say("done")]);
  const engine = await testEngine({ db, clock: heldClock(), files: chatWorkspace(), tools, model, redactor });
  const runId = await startRun(engine, "helper", "ask it");
  await drain(engine);
  const acts = (await actsOfRun(db, runId)).filter(({ kind }) => kind === "tool");
  assert.deepEqual(acts[0]!.result, { headers: [{ authorization: "Bearer [secret]" }, "[secret]"], "[secret]": 1 });
  assert.deepEqual(acts[1]!.error, { code: "tool_failed", message: "It does not know the key [secret]." });
  const { rows } = await sql<{ all: string }>`select string_agg(body, ' ') as all from payloads`.execute(db);
  for (const text of [rows[0]!.all, JSON.stringify(model.calls), JSON.stringify(acts)]) assert.ok(!text.includes(SECRET));
});
