import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { LoopError } from "#src/kernel/errors.ts";
import { httpFixture } from "./http-fixture.ts";
import { type Listening, listenHttp } from "./listen.ts";

async function socketFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "loop-http-"));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, "loop.sock");
}

const rejectsWith = (code: string, promise: Promise<unknown>, says: RegExp) =>
  assert.rejects(promise, (error: LoopError) => {
    assert.equal(error.code, code);
    assert.match(error.message, says);
    return true;
  });

async function request(options: http.RequestOptions): Promise<{ status: number | undefined; body: string }> {
  const sent = http.request(options).end();
  const [response] = (await once(sent, "response")) as [http.IncomingMessage];
  let body = "";
  for await (const chunk of response.setEncoding("utf8")) body += chunk;
  return { status: response.statusCode, body };
}

/** Sends bytes as they are and gives the first line and the body of what comes back. */
async function raw({ port }: Listening, text: string): Promise<string> {
  const socket = net.connect(port, "127.0.0.1");
  socket.write(text);
  let answer = "";
  for await (const chunk of socket.setEncoding("utf8")) answer += chunk;
  return answer;
}
const statusOf = (answer: string): number => Number(answer.slice(9, 12));

test("TCP and the local socket have the same routes and rules, and the socket is for this account alone", async (t) => {
  const { app, person } = await httpFixture(t);
  const socketPath = await socketFile(t);
  const ana = await person("ana", ["owner"]);
  const listening = await listenHttp(app, { host: "127.0.0.1", port: 0, socketPath });
  assert.equal(listening.url, `http://127.0.0.1:${listening.port}`);
  assert.equal((await stat(socketPath)).mode & 0o777, 0o600);
  const headers = { authorization: `Bearer ${ana.token}`, host: "localhost" };
  for (const place of [{ socketPath }, { host: "127.0.0.1", port: listening.port }]) {
    assert.equal((await request({ ...place, path: "/v1/me", headers })).status, 200);
    assert.equal((await request({ ...place, path: "/v1/me", headers: { host: "localhost" } })).status, 401);
    assert.equal((await request({ ...place, path: "/v1/me", headers: { ...headers, host: "evil.example" } })).status, 403);
  }
  const idle = new http.Agent({ keepAlive: true });
  assert.equal((await request({ socketPath, path: "/v1/me", headers, agent: idle })).status, 200);
  await listening.close(); // with a connection that is kept alive on the socket
  idle.destroy();
  await assert.rejects(stat(socketPath), { code: "ENOENT" });
  await assert.rejects(request({ host: "127.0.0.1", port: listening.port, path: "/v1/health" }), { code: "ECONNREFUSED" });
});

test("the socket file of a dead server is replaced, that of a living one and other files are left alone", async (t) => {
  const [first, second, third] = [await httpFixture(t), await httpFixture(t), await httpFixture(t)];
  const socketPath = await socketFile(t);
  await writeFile(socketPath, "notes");
  await rejectsWith("home_not_usable", listenHttp(first.app, { host: "127.0.0.1", port: 0, socketPath }), /is in the way/);
  assert.equal((await stat(socketPath)).size, 5);
  await rm(socketPath);

  const child = await import("node:child_process");
  const dead = child.spawn(process.execPath, [
    "-e",
    `require("net").createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, "SIGKILL"))`,
  ]);
  await once(dead, "exit");
  assert.ok((await stat(socketPath)).isSocket());
  const listening = await listenHttp(second.app, { host: "127.0.0.1", port: 0, socketPath });
  t.after(() => listening.close());
  await rejectsWith("home_in_use", listenHttp(third.app, { host: "127.0.0.1", port: 0, socketPath }), /Another server answers/);
  assert.equal((await request({ socketPath, path: "/v1/health" })).status, 200);
});

test("what cannot be listened on is named with the setting to change", async (t) => {
  const [first, second] = [await httpFixture(t), await httpFixture(t)];
  const listening = await listenHttp(first.app, { host: "127.0.0.1", port: 0 });
  t.after(() => listening.close());
  const socketPath = await socketFile(t);
  await rejectsWith(
    "port_in_use",
    listenHttp(second.app, { host: "127.0.0.1", port: listening.port, socketPath }),
    new RegExp(`^Port ${listening.port} on 127\\.0\\.0\\.1 is in use\\..*LOOP_PORT`),
  );
  await assert.rejects(stat(socketPath), { code: "ENOENT" });
  const third = await httpFixture(t);
  await third.person("ana", ["owner"]);
  await rejectsWith("address_unusable", listenHttp(third.app, { host: "192.0.2.1", port: 0 }), /LOOP_HOST/);
  await rejectsWith("home_not_usable", listenHttp(third.app, { host: "127.0.0.1", port: 0, socketPath: `/${"x".repeat(200)}` }), /103 bytes/);
});

test("other than loopback is listened on only once a token exists", async (t) => {
  const { app, person } = await httpFixture(t, { address: { host: "0.0.0.0", trustedProxies: [] } });
  await rejectsWith("token_missing", listenHttp(app, { host: "0.0.0.0", port: 0 }), /no token yet/);
  await person("ana", ["owner"]);
  const listening = await listenHttp(app, { host: "0.0.0.0", port: 0 });
  t.after(() => listening.close());
  const reach = async (host: string) => (await request({ host: "127.0.0.1", port: listening.port, path: "/v1/health", headers: { host } })).status;
  assert.deepEqual([await reach("0.0.0.0"), await reach("127.0.0.1"), await reach("10.1.2.3")], [200, 200, 403]);
});

test("requests that two readers could read in two ways are refused on the wire", async (t) => {
  const { app, person, errors } = await httpFixture(t);
  const { token } = await person("ana", ["owner"]);
  const listening = await listenHttp(app, { host: "127.0.0.1", port: 0 });
  t.after(() => listening.close());
  const head = (line: string, more: readonly string[] = [], host = "Host: localhost") =>
    [line, host, "Connection: close", `Authorization: Bearer ${token}`, ...more, "", ""].filter((text, index) => index !== 1 || text !== "").join("\r\n");
  const status = async (text: string) => statusOf(await raw(listening, text));

  assert.equal(await status(head("GET /v1/me HTTP/1.1")), 200);
  assert.equal(await status(head("GET http://evil.example/v1/me HTTP/1.1")), 400);
  assert.equal(await status(head("GET /v1/me HTTP/1.1", ["Host: localhost"])), 400);
  assert.equal(await status(head("GET /v1/me HTTP/1.1", [`Authorization: Bearer ${token}`])), 400);
  assert.equal(await status(head("GET /v1/me HTTP/1.1", [], "")), 400);
  assert.equal(await status(head("GET /v1/me HTTP/1.0", [], "")), 403);
  assert.equal(await status(head("GET /v1/me HTTP/1.1", [], "Host:")), 403);
  for (const path of ["/v1/./me", "/v1/health/../me", "/v1/x/%2e%2e/me", "\\v1\\me"])
    assert.ok([400, 404].includes(await status(head(`GET ${path} HTTP/1.1`))), path);
  assert.equal(await status(head("POST /v1/tickets HTTP/1.1", ["Content-Length: 5", "Transfer-Encoding: chunked"])), 400);
  assert.equal(await status(head("POST /v1/tickets HTTP/1.1", ["Content-Length: 5", "Content-Length: 6"])), 400);
  assert.equal(await status(head("GET /v1/me HTTP/1.1", [`X-Long: ${"x".repeat(20_000)}`])), 431);
  const nonsense = await raw(listening, "nonsense\r\n\r\n");
  assert.equal(statusOf(nonsense), 400);
  assert.match(nonsense, /application\/problem\+json[^]*"code":"request_malformed"/);
  assert.deepEqual(errors, []);
});

test("a chunked body is counted as it comes and cut at the limit", async (t) => {
  const { app, person } = await httpFixture(t);
  const { token } = await person("ana", ["owner"]);
  const listening = await listenHttp(app, { host: "127.0.0.1", port: 0 });
  t.after(() => listening.close());
  const sent = http.request({
    host: "127.0.0.1",
    port: listening.port,
    path: "/v1/tickets",
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });
  sent.on("error", () => undefined);
  const answered = once(sent, "response") as Promise<[http.IncomingMessage]>;
  sent.write('{"text":"');
  const chunk = "x".repeat(1024 * 1024);
  for (let count = 0; count < 12; count += 1) sent.write(chunk);
  const [response] = await answered;
  assert.equal(response.statusCode, 413);
  sent.destroy();
});

test("a close waits for what is being answered on the local socket too", async (t) => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
  const { app } = await httpFixture(t, { health: () => (reach(), gate.then(() => ({ ok: true }))) });
  const socketPath = await socketFile(t);
  const { close } = await listenHttp(app, { host: "127.0.0.1", port: 0, socketPath });
  const answer = request({ socketPath, path: "/v1/health" });
  await reached;
  let isClosed = false;
  const closing = close().then(() => (isClosed = true));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(isClosed, false);
  open();
  assert.equal((await answer).status, 200);
  await closing;
});
