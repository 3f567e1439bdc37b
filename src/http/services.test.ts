import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { callTool, failWith, say, sayObject, scriptedModel } from "#src/testing/scripted-model.ts";
import { serviceFixture } from "./service-fixture.ts";

const agent = (name: string, more = ""): string =>
  `apiVersion: loopwright.dev/v1\nkind: Agent\nname: ${name}\nrunner: model\nprocedure: chat\ninstructions: You are ${name}.\n${more}\n`;
const service = (name: string, more: string): string => `apiVersion: loopwright.dev/v1\nkind: Service\nname: ${name}\n${more}\n`;

const DECIDE = service(
  "decide",
  `path: /decide_it
startingAgent: judge
agents: [judge]
input:
  type: object
  properties: { prompt: { type: string, minLength: 1 }, options: { anyOf: [{ type: array, items: { type: string } }, { type: string }] } }
  required: [prompt, options]
output:
  type: object
  properties: { decision: { type: string, x-enumFrom: options }, reasoning: { type: string } }
  required: [decision, reasoning]
  additionalProperties: false
unusable: no_decision
origins: ["https://shop.example"]
limits: { timeout: 5s, callsPerMinute: 40 }`,
);
const TALK = service(
  "talk",
  "path: /talk\nstartingAgent: first\nagents: [first, second]\nconversation: true\nreply: messages\nhandoffs: [{ from: first, to: second, on: { confirm: Shall I pass you on?, yes: [yes, sim] } }]",
);

const files = chatWorkspace({
  "agents/judge.yaml": agent("judge", "tools: [effect.idempotent]"),
  "agents/first.yaml": agent("first"),
  "agents/second.yaml": agent("second"),
  "services/decide.yaml": DECIDE,
  "services/talk.yaml": TALK,
  "services/back.yaml": `${DECIDE.replace("name: decide", "name: back").replace("/decide_it", "/back")}\ncallbackSecret: secret:hook\ncallbackHosts: ["127.0.0.1:9"]\n`,
  "services/quick.yaml": DECIDE.replace("name: decide", "name: quick").replace("/decide_it", "/quick_one").replace("timeout: 5s", "timeout: 20ms"),
});

const made: string[] = [];
const tool = {
  name: "effect.idempotent",
  description: "",
  schema: { type: "object" },
  effect: "idempotent" as const,
  invoke: () => Promise.resolve((made.push("once"), { ok: true })),
};
const ASKED = { prompt: "Which?", options: ["keep", "sell"] };

test("a typed service answers in its form, under its name and its path, with a schema that allows the given options and nothing else", async (t) => {
  const model = scriptedModel(() => sayObject({ decision: "sell", reasoning: "it is new" }));
  const { call } = await serviceFixture(t, { files, model });
  const named = await call("/v1/services/decide", ASKED);
  const bare = await call("/decide_it", { prompt: "Which?", options: "keep, sell" });
  assert.deepEqual([named.status, named.body.state, named.body.output], [200, "done", { decision: "sell", reasoning: "it is new" }]);
  assert.deepEqual([bare.status, bare.body], [200, { decision: "sell", reasoning: "it is new" }]);
  const schema = model.calls[1]!.output!.schema as { properties: { decision: { enum: string[] } } };
  assert.deepEqual(schema.properties.decision, { type: "string", enum: ["keep", "sell"] });
  const later = await call(`/v1/services/decide/runs/${named.body.run_id}`, undefined, { method: "GET" });
  assert.deepEqual([later.status, later.body.output], [200, named.body.output]);
});

test("an answer that does not fit is repaired once; after that the call fails under the service's own word, and no option is taken for it", async (t) => {
  let good = false;
  const model = scriptedModel((call) =>
    good && call.system.includes("could not be used") ? sayObject({ decision: "keep", reasoning: "r" }) : sayObject({ decision: "burn", reasoning: "r" }),
  );
  const { call } = await serviceFixture(t, { files, model });
  const failed = await call("/decide_it", ASKED);
  assert.deepEqual([failed.status, failed.body.code, failed.body.state, model.calls.length], [502, "no_decision", "failed", 2]);
  good = true;
  const repaired = await call("/decide_it", ASKED); // the first failed without having done anything, so a repeat tries again
  assert.deepEqual([repaired.status, repaired.body.decision, model.calls.length], [200, "keep", 4]);
});

test("a member that may have several forms is said to be missing, or to fit none of them; an address that nothing would be sent to is refused", async (t) => {
  const { call } = await serviceFixture(t, { files, model: scriptedModel([]) });
  const faults = async (path: string, body: object) => (await call(path, body)).body.detail;
  assert.deepEqual(await faults("/decide_it", { prompt: "x" }), [{ loc: ["body", "options"], msg: "it is required", type: "missing" }]);
  assert.deepEqual(await faults("/decide_it", { prompt: "x", options: 5 }), [
    { loc: ["body", "options"], msg: "expected array, received number, or expected string, received number", type: "invalid_union" },
  ]);
  const why = "the address leads to 127.0.0.1:8, which is not https and which callbackHosts of the service does not name";
  assert.deepEqual(await faults("/v1/services/back", { ...ASKED, callback_url: "http://127.0.0.1:8/done" }), [
    { loc: ["body", "callback_url"], msg: why, type: "value_error" },
  ]);
  assert.equal((await call("/v1/services/back", { ...ASKED, callback_url: "http://127.0.0.1:9/done" })).status, 202);
});

test("what cannot be taken is refused with a place, a sentence and a type for each fault", async (t) => {
  const { call } = await serviceFixture(t, { files, model: scriptedModel([]) });
  const answers = [
    await call("/decide_it", { options: ["a"], images: ["https://elsewhere.example/a.png"] }),
    await call("/decide_it", { prompt: "x", options: [] }),
    await call("/decide_it", "{broken"),
    await call("/decide_it", "[]"),
    await call("/v1/services/decide", { ...ASKED, callback_url: "https://back.example/x" }),
  ];
  assert.deepEqual(
    answers.map(({ status, body }) => [status, body.detail?.map(({ loc, type }: { loc: string[]; type: string }) => `${loc.join(".")} ${type}`)]),
    [
      [422, ["body.images.0 invalid_format", "body.prompt missing"]],
      [422, ["body.options too_short"]],
      [422, ["body json_invalid"]],
      [422, ["body invalid_type"]],
      [422, ["body value_error"]],
    ],
  );
  const tooLarge = await call("/decide_it", JSON.stringify({ prompt: "x".repeat(11_000_000), options: ["a"] }));
  const nobody = await call("/v1/services/nothing", {});
  const nowhere = await call("/not_applied", {});
  assert.deepEqual(
    [tooLarge, nobody, nowhere].map(({ status, body }) => [status, body.code]),
    [
      [413, "body_too_large"],
      [404, "service_unknown"],
      [404, "route_unknown"],
    ],
  );
});

test("a repeat within ten minutes is the first call: one run, its result, and no tool called twice; another body or session is another call", async (t) => {
  made.length = 0;
  const model = scriptedModel((call) =>
    call.messages.at(-1)!.role === "tool" ? sayObject({ decision: "keep", reasoning: "r" }) : callTool("effect.idempotent"),
  );
  const { call, engine, advance } = await serviceFixture(t, { files, model, tools: [tool] });
  const answers = await Promise.all(Array.from({ length: 5 }, () => call("/v1/services/decide", ASKED)));
  assert.deepEqual([new Set(answers.map(({ body }) => body.run_id)).size, made.length], [1, 1]);
  const other = await call("/v1/services/decide", { ...ASKED, prompt: "And now?" });
  const session = await call("/v1/services/decide", { ...ASKED, session_id: "s1" });
  assert.equal(new Set([answers[0], other, session].map((answer) => answer!.body.run_id)).size, 3);
  await advance(11 * 60_000);
  const late = await call("/v1/services/decide", ASKED);
  assert.notEqual(late.body.run_id, answers[0]!.body.run_id);
  const keyed = { headers: { "idempotency-key": "k" } };
  const first = await call("/v1/services/decide", { ...ASKED, prompt: "keyed" }, keyed);
  await advance(60 * 60_000);
  assert.equal((await call("/v1/services/decide", { ...ASKED, prompt: "keyed" }, keyed)).body.run_id, first.body.run_id);
  const { rows } = await sql<{ n: number }>`select count(*)::int as n from runs`.execute(engine.db);
  assert.equal(rows[0]!.n, 5);
});

test("a session goes on where it was, on any server, one turn at a time, and hands over once whoever asks says yes", async (t) => {
  const model = scriptedModel((call) => say(`${/^You are (\w+)/.exec(call.system)![1]} heard ${call.messages.filter(({ role }) => role === "user").length}`));
  const { call, app, other, engine } = await serviceFixture(t, { files, model });
  const turn = async (text: string, at = app) => (await call("/talk", { session_id: "s", messages: [{ role: "user", text }] }, { app: at })).body[0];
  assert.deepEqual(await turn("hello"), {
    text: "first heard 1\n\nShall I pass you on?",
    role: "assistant",
    html: "<p>first heard 1</p><p>Shall I pass you on?</p>",
  });
  assert.equal((await turn("not yet", other)).text, "first heard 2\n\nShall I pass you on?");
  assert.match((await turn("Sim!")).text, /^second heard/);
  assert.match((await turn("and now?", other)).text, /^second heard/);
  await Promise.all([turn("one"), turn("two", other)]);
  const { rows } = await sql<{ runs: number; together: number }>`
    select count(*)::int as runs,
      (select count(*)::int from runs a join runs b on a.thread_id = b.thread_id and a.id < b.id
         and a.ended_at > (select min(created_at) from acts where run_id = b.id)) as together from runs`.execute(engine.db);
  assert.deepEqual(rows[0], { runs: 6, together: 0 });
});

test("only callers with the scope may call, no more often than the service allows, and from pages that it names", async (t) => {
  const model = scriptedModel(() => sayObject({ decision: "keep", reasoning: "r" }));
  const { call, token } = await serviceFixture(t, { files, model });
  const viewer = await token("vera", ["viewer"]);
  const bot = await token("bot", ["agent"], ["services:call"]);
  const mute = await token("mute", ["agent"], ["read"]);
  const by = async (value: string) => (await call("/decide_it", ASKED, { token: value })).status;
  assert.deepEqual([await by(viewer), await by(bot), await by(mute)], [403, 200, 403]);
  const preflight = await call("/decide_it", undefined, {
    method: "OPTIONS",
    headers: { origin: "https://shop.example", "access-control-request-method": "POST" },
  });
  const page = await call("/decide_it", ASKED, { headers: { origin: "https://shop.example" } });
  const stranger = await call("/decide_it", ASKED, { headers: { origin: "https://evil.example" } });
  assert.deepEqual([preflight.status, page.status, page.headers["access-control-allow-origin"], stranger.status], [204, 200, "https://shop.example", 403]);
  const answers = [];
  for (let n = 0; n < 41; n += 1) answers.push(await call("/decide_it", ASKED, { token: bot }));
  const limited = answers.find(({ status }) => status === 429);
  assert.ok(limited && Number(limited.headers["retry-after"]) > 0);
});

test("a call that takes longer than its service allows is 504 with the id of its run; the work goes on, and its result is there for whoever called", async (t) => {
  const answer = Promise.withResolvers<void>();
  const model = scriptedModel(async () => {
    await answer.promise;
    return sayObject({ decision: "keep", reasoning: "r" });
  });
  const { call, other, token } = await serviceFixture(t, { files, model });
  const late = await call("/v1/services/quick", ASKED);
  const bare = await call("/quick_one", ASKED);
  assert.deepEqual([late.status, late.body.state, late.body.code, late.body.output], [504, "working", "still_working", undefined]);
  assert.deepEqual(
    [bare.status, bare.body.run_id, bare.headers["loop-run-id"]],
    [504, late.body.run_id, late.body.run_id],
    "a repeat is the call that there is",
  );
  const look = (more = {}) => call(`/v1/services/quick/runs/${late.body.run_id}`, undefined, { method: "GET", app: other, ...more });
  assert.deepEqual([(await look()).body.state, (await look({ token: await token("stranger", ["operator"]) })).status], ["working", 404]);
  answer.resolve();
  let found = await look();
  while (found.body.state === "working") found = await look();
  assert.deepEqual([found.status, found.body.state, found.body.output], [200, "done", { decision: "keep", reasoning: "r" }]);
  const again = await call("/v1/services/quick", ASKED);
  assert.deepEqual([again.status, again.body.run_id, model.calls.length], [200, late.body.run_id, 1]);
});

test("the stream of a call ends when its token is revoked", async (t) => {
  const answer = Promise.withResolvers<void>();
  const model = scriptedModel(async () => {
    await answer.promise;
    return sayObject({ decision: "keep", reasoning: "r" });
  });
  const { call, token, revoke } = await serviceFixture(t, { files, model });
  const leaving = call("/v1/services/decide", { ...ASKED, stream: true }, { token: await token("leaving", ["operator"]) });
  await revoke("leaving");
  const cut = await leaving;
  answer.resolve();
  assert.match(String(cut.body), /event: end\ndata: {"code":"credential_invalid"}\n\n$/);
  assert.doesNotMatch(String(cut.body), /event: result/);
});

test("a provider that does not work is named with what to do, and a stream tells the run, what was said and the result", async (t) => {
  const broken = await serviceFixture(t, { files, model: scriptedModel(() => failWith("not_authorised", { message: "no key for it" })) });
  const failed = await broken.call("/decide_it", ASKED);
  assert.deepEqual([failed.status, failed.body.code], [503, "model_not_authorised"]);
  assert.match(failed.body.error, /no key for it.*ANTHROPIC_API_KEY/);
  const { call } = await serviceFixture(t, { files, model: scriptedModel(() => sayObject({ decision: "keep", reasoning: "r" })) });
  const stream = await call("/v1/services/decide", { ...ASKED, stream: true });
  assert.match(String(stream.headers["content-type"]), /^text\/event-stream/);
  const events = String(stream.body)
    .split("\n\n")
    .filter(Boolean)
    .map((frame) => /^event: (\w+)/.exec(frame)?.[1]);
  assert.deepEqual([events[0], events.at(-1)], ["run", "result"]);
});
