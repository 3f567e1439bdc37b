import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { LoopError } from "#src/kernel/errors.ts";
import { createApi, type Target } from "./api.ts";
import { ApiFailure } from "./failures.ts";
import { socketPathOf } from "./home-files.ts";
import { followEvents } from "./server-events.ts";

/** A server that answers each connection as it is told; gives what it was sent. */
async function serverThat(t: TestContext, answers: (socket: Socket) => void): Promise<{ target: Target; sent: string[] }> {
  const homeFolder = await mkdtemp(join(tmpdir(), "loopwright-cli-"));
  const sent: string[] = [];
  const server = createServer((socket) => {
    socket.on("data", (chunk) => sent.push(chunk.toString("utf8")));
    socket.on("error", () => undefined);
    answers(socket);
  });
  const socketPath = socketPathOf(homeFolder);
  await mkdir(dirname(socketPath));
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  t.after(async () => {
    server.close();
    await rm(homeFolder, { recursive: true, force: true });
  });
  return { target: { homeFolder, socketPath, token: "loop_secret" }, sent };
}

const whole = (status: string, body: string, type = "application/json") =>
  `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;

test("a request has one line, the token and its body, and the answer's body comes as it was sent", async (t) => {
  const { target, sent } = await serverThat(t, (socket) => socket.end(whole("200 OK", '{"text":"冷氣"}')));
  assert.equal(await createApi(target).post("/v1/tickets", { text: "漏水" }), '{"text":"冷氣"}');
  const body = '{"text":"漏水"}';
  assert.deepEqual(sent, [
    `POST /v1/tickets HTTP/1.0\r\nhost: localhost\r\nloop-face: cli\r\nauthorization: Bearer loop_secret\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  ]);
});

test("a problem of the server becomes a failure of that code, with the words, the facts and the body", async (t) => {
  const problem = JSON.stringify({ code: "ticket_unknown", status: 404, detail: "There is no ticket 9.", facts: { ticket: "9" } });
  const { target } = await serverThat(t, (socket) => socket.end(whole("404 Not Found", problem)));
  await assert.rejects(createApi(target).get("/v1/tickets/9"), (error: unknown) => {
    assert.ok(error instanceof ApiFailure);
    assert.deepEqual(
      { code: error.code, message: error.message, facts: error.facts, body: error.body },
      { code: "ticket_unknown", message: "There is no ticket 9.", facts: { ticket: "9" }, body: problem },
    );
    return true;
  });
});

test("an answer of something else, or a code that is not ours, is an internal error with the status", async (t) => {
  const { target } = await serverThat(t, (socket) => socket.end(whole("502 Bad Gateway", "<html>")));
  await assert.rejects(createApi(target).get("/"), { code: "internal_error", message: "The server answered 502 and said no more." });
});

const CUT: readonly (readonly [what: string, text: string])[] = [
  ["in the body", 'HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"asks":['],
  ["in the head", "HTTP/1.1 200 OK\r\ncontent-"],
  ["before a word", ""],
];
for (const [what, text] of CUT) {
  test(`a server that goes away ${what} leaves it open whether it did what was asked`, async (t) => {
    const { target } = await serverThat(t, (socket) => socket.end(text));
    await assert.rejects(createApi(target).get("/v1/asks"), { code: "server_not_running", message: /in the middle of its answer.*not known/ });
  });
}

test("no socket, and a socket on which nobody answers, mean that no server runs, with what to do", async (t) => {
  const { target } = await serverThat(t, (socket) => socket.destroy());
  await assert.rejects(createApi({ ...target, socketPath: `${target.socketPath}.none` }).get("/"), {
    code: "server_not_running",
    message: /No server runs for the home .*there is no socket.*loop up/,
  });
});

test("a stream gives its blocks whole, whatever pieces they come in, and ends where the server says so", async (t) => {
  const pieces = [
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\nretry: 1000\nid: 4\n\n: still here\nid: 4\n",
    '\nid: 5\ndata: {"a":"',
    "冷",
    '"}\n\nevent: end\ndata: {}\n\n',
    "id: 6\ndata: {}\n\n",
  ];
  const { target } = await serverThat(t, (socket) => {
    const bytes = Buffer.from(pieces.join(""));
    for (let at = 0; at < bytes.length; at += 7) socket.write(bytes.subarray(at, at + 7));
    socket.end();
  });
  const seen: unknown[] = [];
  for await (const block of followEvents(target, "/v1/feed", new AbortController().signal)) seen.push(block);
  assert.deepEqual(seen, [
    { id: "4", data: undefined },
    { id: "4", data: undefined },
    { id: "5", data: '{"a":"冷"}' },
  ]);
});

test("a stream that is refused fails as other requests do, and one that is broken off by us just ends", async (t) => {
  const refusing = await serverThat(t, (socket) => socket.end(whole("401 Unauthorized", JSON.stringify({ code: "credential_invalid", detail: "no" }))));
  await assert.rejects(followEvents(refusing.target, "/v1/feed", new AbortController().signal).next(), { code: "credential_invalid" });
  const open = await serverThat(t, (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nid: 1\n\n"));
  const controller = new AbortController();
  const stream = followEvents(open.target, "/v1/feed", controller.signal);
  assert.deepEqual(await stream.next(), { done: false, value: { id: "1", data: undefined } });
  controller.abort();
  assert.deepEqual(await stream.next(), { done: true, value: undefined });
  const nobody = followEvents({ ...open.target, socketPath: `${open.target.socketPath}.none` }, "/v1/feed", new AbortController().signal);
  await assert.rejects(nobody.next(), (error: unknown) => error instanceof LoopError && error.code === "server_not_running");
});
