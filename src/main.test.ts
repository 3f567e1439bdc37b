import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { LLMock } from "@copilotkit/aimock";
import { sql } from "kysely";
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
  const { ask } = await first.until("ask.opened");
  for (const approver of ["ines", "yating"]) await first.until("ask.delivered", (payload) => payload["ask"] === ask && payload["to"] === approver);
  await first.kill("SIGKILL");
  const second = await startServer(t, home, { DATABASE_URL: url });
  await answerAll(second);
  const ticket = (await second.call(`GET /v1/tickets/${(sent.body as { id: string }).id}`)).body as { status: string };
  assert.equal(ticket.status, "resolved");
  const told = (to: string) => (payload: Record<string, unknown>) => payload["ask"] === ask && payload["what"] === "settled" && payload["to"] === to;
  for (const approver of ["ines", "yating"]) await second.until("ask.delivered", told(approver));
  await second.kill("SIGTERM");
  assert.equal(second.process.exitCode, 0);
  const files = (await readdir(join(home, "outbox"), { recursive: true })).filter((name) => name.endsWith(".md"));
  const texts = await Promise.all(files.map(async (name) => ({ to: name.split("/")[0]!, text: await readFile(join(home, "outbox", name), "utf8") })));
  const acts = texts.filter(({ text }) => !/To answer\n/.test(text)).map(({ to }) => to);
  assert.deepEqual(acts.toSorted(), ["guest@example.org", "shun-feng-aircon"]);
  const copies = texts.filter(({ text }) => text.includes(`loop approve ${String(ask)}`));
  assert.deepEqual(copies.map(({ to, text }) => `${to} ${/^Subject: (\w+)/m.exec(text)?.[1]}`).toSorted(), ["ines Answered", "yating Answered"]);
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

test("loop run --follow shows what happens and what the model says while it says it, until the run has ended", async (t) => {
  const mock = new LLMock({ port: 0, logLevel: "silent", chunkSize: 12 });
  await mock.start();
  t.after(() => mock.stop());
  mock.on(
    { endpoint: "chat", predicate: () => true },
    (request) => {
      const asked = JSON.stringify(request.messages);
      const purpose = asked.includes("Translate the message") ? "translate" : asked.includes("Classify the message") ? "classify" : "draft";
      return { content: JSON.stringify(SAYS[purpose]) };
    },
    { latency: 100 },
  );
  const { db, url } = await testDatabase(t);
  const home = await temporaryHome(t);
  const server = await startServer(t, home, { DATABASE_URL: url, LOOP_MODEL: "on", ...KEYS.openai(mock.url) });
  const sent = (await server.call("POST /v1/tickets", LEAK)).body as { runId: string };
  const follower = spawn(join(import.meta.dirname, "..", "bin", "loop"), ["run", sent.runId, "--follow", "--json"], {
    env: { ...process.env, LOOP_HOME: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(follower, "exit");
  let out = "";
  follower.stdout.setEncoding("utf8").on("data", (chunk: string) => (out += chunk));
  await answerAll(server);
  assert.deepEqual(await ended, [0, null]);
  const lines = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { kind?: string; live?: { act: string; text?: string; begins?: boolean } });
  const heard = lines.findIndex(({ live }) => live?.text !== undefined);
  assert.ok(heard !== -1 && heard < lines.findIndex(({ kind }) => kind === "ask.opened"), out);
  assert.equal(lines.at(-1)?.kind, "run.done");
  const { rows } = await sql`select act_id from live_text`.execute(db);
  assert.deepEqual(rows, []);
});

test("without LOOP_MODEL a key in the environment is not used", async (t) => {
  const { url } = await testDatabase(t);
  const server = await startServer(t, await temporaryHome(t), { DATABASE_URL: url, ...KEYS.openai("http://127.0.0.1:9") });
  const sent = (await server.call("POST /v1/tickets", LEAK)).body as { id: string };
  await server.until("ask.opened");
  const { triage } = (await server.call(`GET /v1/tickets/${sent.id}`)).body as { triage: { by: string } };
  assert.equal(triage.by, "rules");
});
