import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { hostRules } from "./host-rules.ts";
import { type Bounds, type Outgoing, request } from "./request.ts";
import { textOf } from "./text.ts";

async function serve(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const to =
  (...addresses: string[]) =>
  () =>
    Promise.resolve(addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })));

const ask = (url: string, bounds: Partial<Bounds> = {}, more: Partial<Outgoing> = {}) =>
  request(
    { url: new URL(url), method: "GET", headers: {}, ...more },
    {
      mayReach: () => true,
      privateNetwork: true,
      redirects: "same",
      timeoutMs: 5_000,
      maxBytes: 1_000,
      signal: new AbortController().signal,
      resolve: to("127.0.0.1"),
      ...bounds,
    },
  );

test("a name that leads to the metadata service, in any wrapping, is refused before anything is sent, own network or not", async () => {
  for (const address of ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "0.0.0.0", "fe80::1", "fd00:ec2::254"]) {
    for (const privateNetwork of [true, false])
      await assert.rejects(ask("http://innocent.test/", { privateNetwork, resolve: to(address) }), { kind: "refused" }, address);
  }
});

test("an address of the own network takes a declared permission, also when a public one stands beside it", async () => {
  await assert.rejects(ask("http://innocent.test/", { privateNetwork: false }), { kind: "refused", message: /127\.0\.0\.1.*privateNetwork/ });
  await assert.rejects(ask("http://innocent.test/", { privateNetwork: false, resolve: to("1.1.1.1", "10.0.0.1") }), { kind: "refused" });
  for (const literal of ["http://127.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://[::1]/", "http://[::ffff:7f00:1]/", "http://0177.0.0.1/"])
    await assert.rejects(ask(literal, { privateNetwork: false }), { kind: "refused" }, literal);
});

test("the connection goes to the address that was looked at: a second answer of the name service is never asked for", async (t) => {
  const port = await serve(t, (_request, response) => response.end("one"));
  let asked = 0;
  const resolve = () => Promise.resolve([{ address: (asked += 1) === 1 ? "127.0.0.1" : "169.254.169.254", family: 4 }]);
  const answer = await ask(`http://rebinding.test:${port}/`, { resolve });
  assert.deepEqual([answer.status, textOf(answer), asked], [200, "one", 1]);
});

test("a redirect to another host is refused, and its secret headers never arrive there", async (t) => {
  const seen: (string | undefined)[] = [];
  const other = await serve(t, (incoming, response) => {
    seen.push(incoming.headers.authorization);
    response.end("other");
  });
  const port = await serve(t, (_incoming, response) => response.writeHead(302, { location: `http://other.test:${other}/` }).end());
  const secretHeaders = { authorization: "Bearer very-secret" };
  await assert.rejects(ask(`http://first.test:${port}/`, {}, { secretHeaders }), { kind: "refused", message: /another host/ });
  assert.deepEqual(seen, []);
  const followed = await ask(`http://first.test:${port}/`, { redirects: "allowed" }, { secretHeaders });
  assert.deepEqual([textOf(followed), seen], ["other", [undefined]]);
  await assert.rejects(ask(`http://first.test:${port}/`, { redirects: "allowed", mayReach: hostRules([`first.test:${port}`]) }), { kind: "refused" });
});

test("a redirect to the metadata service is refused, and a loop of redirects ends", async (t) => {
  const bad = await serve(t, (_incoming, response) => response.writeHead(302, { location: "http://[::ffff:169.254.169.254]/latest/meta-data" }).end());
  await assert.rejects(ask(`http://first.test:${bad}/`, { redirects: "allowed" }), { kind: "refused" });
  const loop = await serve(t, (_incoming, response) => response.writeHead(302, { location: "/again" }).end());
  await assert.rejects(ask(`http://first.test:${loop}/`), { kind: "refused", message: /more than 5/ });
});

test("a redirect of a write is not followed but told", async (t) => {
  const port = await serve(t, (_incoming, response) => response.writeHead(307, { location: "/again" }).end());
  const answer = await ask(`http://first.test:${port}/`, {}, { method: "POST", body: "{}" });
  assert.deepEqual([answer.status, answer.headers["location"]], [307, "/again"]);
});

test("an answer is cut at its bound, also when a small packed one unpacks to a large one", async (t) => {
  const plain = await serve(t, (_incoming, response) => response.end("x".repeat(5_000)));
  const packed = await serve(t, (_incoming, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("y".repeat(5_000_000))));
  for (const port of [plain, packed]) {
    const answer = await ask(`http://first.test:${port}/`);
    assert.deepEqual([answer.bytes.length, answer.truncated], [1_000, true]);
  }
});

test("the end of a long answer is kept where that is asked for", async (t) => {
  const port = await serve(t, (_incoming, response) => response.end("a".repeat(300_000) + "b".repeat(999)));
  const answer = await ask(`http://first.test:${port}/`, { keeps: "end" });
  assert.deepEqual([textOf(answer), answer.truncated], [`a${"b".repeat(999)}`, true]);
});

test("what was not sent and what was cut off are told apart", async (t) => {
  const closed = await serve(t, (incoming) => incoming.socket.destroy());
  const silent = await serve(t, () => undefined);
  await assert.rejects(ask(`http://first.test:${closed}/`), { kind: "broken" });
  await assert.rejects(ask(`http://first.test:${silent}/`, { timeoutMs: 50 }), { kind: "broken", message: /within 50 ms/ });
  await assert.rejects(ask("http://first.test:1/"), { kind: "unreachable" });
  await assert.rejects(ask("http://nowhere.test/", { resolve: () => Promise.resolve([]) }), { kind: "unreachable" });
});
