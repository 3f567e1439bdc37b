import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { otlpTelemetry } from "#src/adapters/telemetry-otlp/telemetry.ts";
import { sealOnce } from "#src/journal/seal.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { createRedactor } from "#src/kernel/redaction.ts";
import { usageReport } from "#src/ledger/usage.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain, startRun, testEngine } from "#src/testing/engine.ts";
import { callTool, failWith, say, scriptedModel } from "#src/testing/scripted-model.ts";
import { exportPage } from "#src/pulse/telemetry.ts";

const HELPER = "apiVersion: loopwright.dev/v1\nkind: Agent\nname: helper\nrunner: model\nprocedure: chat\ntools: [brain.search]\n";

interface Sent {
  readonly path: string;
  readonly body: string;
  readonly key: string | undefined;
}

/** Takes OTLP as a collector does; `answers` says with what status. */
async function collector(t: TestContext): Promise<{ url: string; sent: Sent[]; answers: { status: number } }> {
  const sent: Sent[] = [];
  const answers = { status: 200 };
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      if (answers.status === 200) sent.push({ path: request.url!, body, key: request.headers["x-key"] as string | undefined });
      response.writeHead(answers.status).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent, answers };
}

async function world(t: TestContext) {
  const { db, advance } = await testDatabase(t);
  const collecting = await collector(t);
  const model = scriptedModel([failWith("overloaded"), callTool("brain.search", { text: "tap canary-3f81" }), say("It is shut.")]);
  const engine = await testEngine({ db, clock: systemClock, files: chatWorkspace({ "agents/helper.yaml": HELPER }), model });
  const redactor = createRedactor();
  redactor.learn("canary-3f81");
  const port = otlpTelemetry({ url: collecting.url, headers: { "x-key": "k1" }, resource: { "service.name": "loopwright" }, redact: redactor.redact });
  await exportPage({ db, port, content: true }); // what was before is not sent
  const runId = await startRun(engine, "helper", "is the tap shut?");
  await drain(engine);
  await advance(60_000);
  await drain(engine);
  await sealOnce(db, engine.signer);
  return { ...collecting, db, engine, port, runId };
}

interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly status?: { readonly message: string };
  readonly attributes: readonly { readonly key: string; readonly value: { readonly intValue?: string; readonly stringValue?: string } }[];
}

const spansIn = (sent: readonly Sent[]): SentSpan[] =>
  sent
    .filter(({ path }) => path === "/v1/traces")
    .flatMap(({ body }) => (JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[] }).resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));

const valueOf = ({ attributes }: SentSpan, key: string): string | undefined => {
  const value = attributes.find((one) => one.key === key)?.value;
  return value?.stringValue ?? value?.intValue;
};

test("a run is one trace of its own id, with a span for each act, a record for each event and measurements of its calls, without known secrets", async (t) => {
  const { db, port, sent, runId } = await world(t);
  assert.equal(await exportPage({ db, port, content: true }), false);
  const spans = spansIn(sent);
  const trace = runId.slice("run_".length);
  assert.deepEqual(
    spans.map(({ name }) => name),
    ["chat one", "execute_tool brain.search", "chat one", "invoke_agent helper"],
  );
  const [chat, tool, , agent] = spans as [SentSpan, SentSpan, SentSpan, SentSpan];
  assert.ok(spans.every(({ traceId }) => traceId === trace && /^[0-9a-f]{32}$/.test(traceId)));
  assert.deepEqual([chat.parentSpanId, tool.parentSpanId, agent.parentSpanId], [agent.spanId, agent.spanId, undefined]);
  assert.deepEqual(
    [valueOf(chat, "gen_ai.request.model"), valueOf(chat, "gen_ai.usage.input_tokens"), valueOf(tool, "gen_ai.tool.name")],
    ["one", "100", "brain.search"],
  );
  const all = sent.map(({ body }) => body).join("\n");
  assert.match(all, /gen_ai\.client\.token\.usage/);
  assert.match(all, /"eventName":"loop\.run\.done"/);
  assert.doesNotMatch(all, /canary-3f81/);
  assert.ok(sent.every(({ key }) => key === "k1"));
});

test("content stays here unless it is wanted", async (t) => {
  const { db, port, sent } = await world(t);
  await exportPage({ db, port, content: false });
  assert.doesNotMatch(sent.map(({ body }) => body).join("\n"), /It is shut/);
});

test("what could not be sent is sent later, once it is taken nothing is sent again", async (t) => {
  const { db, port, sent, answers } = await world(t);
  answers.status = 503;
  await assert.rejects(exportPage({ db, port, content: false }), { code: "telemetry_unavailable", message: /127\.0\.0\.1.*503/ });
  answers.status = 200;
  await exportPage({ db, port, content: false });
  const { length } = spansIn(sent);
  await exportPage({ db, port, content: false });
  assert.deepEqual([length, spansIn(sent).length], [4, 4]);
});

test("usage says per agent and model how many calls there were, how many in vain, what they took and cost", async (t) => {
  const { db } = await world(t);
  const [helper, ...others] = await usageReport(db, { by: "agent", fromMs: 0, toMs: null });
  assert.deepEqual([helper!.key, helper!.calls, helper!.failed, helper!.inputTokens, others.length], ["helper", 3, 1, 200, 0]);
  assert.ok(helper!.meanMs !== null && helper!.p99Ms! >= helper!.p95Ms! && helper!.costNanos > 0);
  assert.deepEqual(
    (await usageReport(db, { by: "model", fromMs: 0, toMs: null })).map(({ key }) => key),
    ["scripted:one"],
  );
});
