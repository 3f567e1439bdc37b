import assert from "node:assert/strict";
import { test } from "node:test";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { httpFixture } from "./http-fixture.ts";

const CHATTY = `apiVersion: loopwright.dev/v1
kind: Agent
name: chatty
runner: rules
procedure: chat
`;

const fixture = (t: Parameters<typeof httpFixture>[0]) => httpFixture(t, { limits: { waitMs: 50 } }, filesOf({ ...SOUND_FILES, "agents/chatty.yaml": CHATTY }));

test("a conversation is opened once per external id, spoken in, and read with what is in it", async (t) => {
  const { call, person } = await fixture(t);
  const ana = await person("ana", ["operator"]);
  const opened = await call("POST /v1/threads", { as: ana, payload: { agent: "chatty", externalId: "c-1" } });
  const again = await call("POST /v1/threads", { as: ana, payload: { agent: "chatty", externalId: "c-1" } });
  assert.deepEqual([opened.status, again.status, again.body.id], [201, 200, opened.body.id]);
  const said = await call(`POST /v1/threads/${opened.body.id}/messages`, {
    as: ana,
    payload: { text: "Hello", files: [{ name: "a.txt", mediaType: "text/plain", data: "aGk=" }] },
  });
  const more = await call(`POST /v1/threads/${opened.body.id}/messages`, { as: ana, payload: { text: "And this" } });
  assert.deepEqual([said.status, said.body.kind, more.body.kind, more.body.runId], [202, "created", "steered", said.body.runId]);
  const { body } = await call(`GET /v1/threads/${opened.body.id}`, { as: ana });
  assert.deepEqual(
    body.messages.map(({ text, attachments }: { text: string; attachments: { name: string; sizeBytes: number }[] }) => [
      text,
      attachments.map(({ name, sizeBytes }) => [name, sizeBytes]),
    ]),
    [
      ["Hello", [["a.txt", 2]]],
      ["And this", []],
    ],
  );
  const list = await call("GET /v1/threads", { as: ana });
  assert.deepEqual(
    list.body.threads.map(({ id }: { id: string }) => id),
    [opened.body.id],
  );
});

test("a repeat under one Idempotency-Key says the same thing once", async (t) => {
  const { call, person } = await fixture(t);
  const ana = await person("ana", ["operator"]);
  const { body: thread } = await call("POST /v1/threads", { as: ana, payload: { agent: "chatty" } });
  const once = { as: ana, payload: { text: "Hello" }, headers: { "idempotency-key": "k1" } };
  const first = await call(`POST /v1/threads/${thread.id}/messages`, once);
  const second = await call(`POST /v1/threads/${thread.id}/messages`, once);
  assert.deepEqual(second.body, first.body);
  const other = await call(`POST /v1/threads/${thread.id}/messages`, { ...once, payload: { text: "Something else" } });
  assert.deepEqual([other.status, other.body.code], [422, "idempotency_key_reused"]);
  const { body } = await call(`GET /v1/threads/${thread.id}`, { as: ana });
  assert.equal(body.messages.length, 1);
});

test("unknown conversations, agents that hold none, files that are none and people who may not write are refused with what to do", async (t) => {
  const { call, person } = await fixture(t);
  const ana = await person("ana", ["operator"]);
  const vera = await person("vera", ["viewer"]);
  const { body: thread } = await call("POST /v1/threads", { as: ana, payload: { agent: "chatty" } });
  const at = `POST /v1/threads/${thread.id}/messages`;
  const answers = [
    await call("POST /v1/threads", { as: vera, payload: { agent: "chatty" } }),
    await call("POST /v1/threads", { as: ana, payload: { agent: "nobody" } }),
    await call("POST /v1/threads", { as: ana, payload: { agent: "desk" } }),
    await call(`GET /v1/threads/thr_${"0".repeat(32)}`, { as: ana }),
    await call("GET /v1/threads/nonsense", { as: ana }),
    await call(at, { as: ana, payload: { text: " " } }),
    await call(at, { as: ana, payload: { text: "x", files: [{ name: "a", mediaType: "image/png", data: "not base64!" }] } }),
  ];
  assert.deepEqual(
    answers.map(({ status, body }) => [status, body.code]),
    [
      [403, "permission_missing"],
      [422, "agent_unknown"],
      [422, "input_invalid"],
      [404, "thread_unknown"],
      [404, "thread_unknown"],
      [422, "input_invalid"],
      [422, "input_invalid"],
    ],
  );
});
