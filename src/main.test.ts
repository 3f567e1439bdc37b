import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { LLMock } from "@copilotkit/aimock";
import { verifyJournal } from "#src/journal/verify.ts";
import { testDatabase } from "#src/testing/database.ts";
import { type ServerProcess, startServer, temporaryHome } from "#src/testing/server.ts";

const LEAK = { text: "冷氣漏水，水離插座很近", sender: "guest@example.org", language: "zh-TW", labels: { property: "warm_taipei_2br" } };

/** Answers what the server asks, in the order in which the loop asks it, until the run has ended. */
async function answerAll(server: ServerProcess): Promise<void> {
  for (const [purpose, answer] of [
    ["act", "approve"],
    ["acknowledgement", "acknowledged"],
    ["resolution", "done"],
    ["check", "yes"],
  ] as const) {
    const { ask } = await server.until("ask.opened", (payload) => payload["purpose"] === purpose);
    const answered = await server.call(`POST /v1/asks/${String(ask)}/answer`, { answer });
    assert.equal(answered.status, 200, JSON.stringify(answered.body));
  }
  await server.until("run.done");
}

test("killed while the ask is open, started again and answered, the run finishes and each message went out once", async (t) => {
  const { db, url } = await testDatabase(t);
  const home = await temporaryHome(t);
  const first = await startServer(t, home, { DATABASE_URL: url });
  const sent = await first.call("POST /v1/tickets", LEAK);
  assert.equal(sent.status, 202);
  await first.until("ask.opened");
  await first.kill("SIGKILL");
  const second = await startServer(t, home, { DATABASE_URL: url });
  await answerAll(second);
  const ticket = (await second.call(`GET /v1/tickets/${(sent.body as { id: string }).id}`)).body as { status: string };
  assert.equal(ticket.status, "resolved");
  const outbox = await readdir(join(home, "outbox"));
  const messages = await Promise.all(outbox.map(async (recipient) => `${recipient} ${(await readdir(join(home, "outbox", recipient))).length}`));
  assert.deepEqual(messages.toSorted(), ["guest@example.org 1", "shun-feng-aircon 1"]);
  await second.kill("SIGTERM");
  assert.equal(second.process.exitCode, 0);
  assert.equal((await verifyJournal(db)).kind, "verified");
});

test("of two servers on one database one is killed in the middle, and the other finishes every run, each effect once", async (t) => {
  const { url } = await testDatabase(t);
  const [homeA, homeB] = [await temporaryHome(t), await temporaryHome(t)];
  const settings = { DATABASE_URL: url, LOOP_LEASE_MS: "1000" };
  const a = await startServer(t, homeA, settings);
  const b = await startServer(t, homeB, settings);
  const sent = await a.call("POST /v1/tickets", LEAK);
  await a.until("ask.opened");
  await a.kill("SIGKILL");
  await answerAll(b);
  const ticket = (await b.call(`GET /v1/tickets/${(sent.body as { id: string }).id}`)).body as { status: string };
  assert.equal(ticket.status, "resolved");
});

const KEYS = {
  openai: (url: string) => ({ OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: "sk-test-0123456789abcdef" }),
  anthropic: (url: string) => ({ ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: "sk-ant-test-0123456789" }),
};

const SAYS: Readonly<Record<string, object>> = {
  translate: { text: "The air conditioner leaks, and the water is close to a socket." },
  classify: { category: "hvac_leak", severity: 4, urgencyMinutes: 30, risks: ["electrical_risk"], language: "zh-TW" },
  draft: { vendor: "shun-feng-aircon", costUsd: 120, etaMinutes: 60, noteForVendor: "冷氣漏水，請先關總開關", noteForReporter: "師傅一小時內到" },
};

for (const wire of ["openai", "anthropic"] as const) {
  test(`with a key in the environment and LOOP_MODEL on, the same message goes through the model runner on the ${wire} wire`, async (t) => {
    const mock = new LLMock({ port: 0, logLevel: "silent" });
    await mock.start();
    t.after(() => mock.stop());
    mock.on({ endpoint: "chat", predicate: () => true }, (request) => {
      const asked = JSON.stringify(request.messages);
      const purpose = asked.includes("Translate the message") ? "translate" : asked.includes("Classify the message") ? "classify" : "draft";
      return { content: JSON.stringify(SAYS[purpose]), usage: { prompt_tokens: 200, completion_tokens: 40, input_tokens: 200, output_tokens: 40 } };
    });
    const { url } = await testDatabase(t);
    const server = await startServer(t, await temporaryHome(t), { DATABASE_URL: url, LOOP_MODEL: "on", ...KEYS[wire](mock.url) });
    const sent = (await server.call("POST /v1/tickets", LEAK)).body as { id: string };
    await server.until("ask.opened");
    const { triage } = (await server.call(`GET /v1/tickets/${sent.id}`)).body as { triage: { by: string; translation: string; severity: number } };
    assert.match(triage.by, new RegExp(`^${wire}:`));
    assert.deepEqual(
      { severity: triage.severity, translation: triage.translation },
      { severity: 4, translation: "The air conditioner leaks, and the water is close to a socket." },
    );
    await answerAll(server);
    const run = (await server.call(`GET /v1/runs?ticket=${sent.id}`)).body as { runs: { state: string; runner: string }[] };
    assert.deepEqual(
      run.runs.map(({ state, runner }) => ({ state, runner })),
      [{ state: "done", runner: "model" }],
    );
  });
}

test("without LOOP_MODEL a key in the environment is not used", async (t) => {
  const { url } = await testDatabase(t);
  const server = await startServer(t, await temporaryHome(t), { DATABASE_URL: url, ...KEYS.openai("http://127.0.0.1:9") });
  const sent = (await server.call("POST /v1/tickets", LEAK)).body as { id: string };
  await server.until("ask.opened");
  const { triage } = (await server.call(`GET /v1/tickets/${sent.id}`)).body as { triage: { by: string } };
  assert.equal(triage.by, "rules");
});
