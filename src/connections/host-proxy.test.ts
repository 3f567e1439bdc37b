import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { startHostProxy } from "./host-proxy.ts";
import type { Resolve } from "./request.ts";

async function proxyFor(t: TestContext, resolve?: Resolve) {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-proxy-"));
  const proxy = await startHostProxy({ folder, ...(resolve ? { resolve } : {}) });
  t.after(async () => {
    await proxy.close();
    await rm(folder, { recursive: true, force: true });
  });
  const socket = join(folder, (await readdir(folder))[0]!);
  /** The whole answer to these bytes. */
  const say = async (text: string): Promise<string> => {
    const client = connect(socket);
    client.write(text);
    let said = "";
    client.on("data", (chunk: Buffer) => (said += chunk.toString())).on("error", () => undefined);
    await new Promise((done) => client.once("close", done));
    return said;
  };
  const keyFor = (...hosts: string[]): string => proxy.admit(hosts).wrap(["x"])[4]!;
  return { proxy, folder, say, keyFor };
}

const get = (url: string): string => `GET ${url} HTTP/1.1\r\nhost: other.example\r\nconnection: close\r\n\r\n`;
const firstLine = (text: string): string => text.split("\r\n")[0]!;
const refusal = (text: string): string | undefined => /loop-refused: ([^\r]*)/.exec(text)?.[1];

async function served(t: TestContext): Promise<number> {
  const server = createServer((request, response) => response.end(`${request.method} ${request.url} ${request.headers.host}`));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => server.close());
  return (server.address() as { port: number }).port;
}

test("a host that was admitted is asked, by the name in the address and none that the client says beside it", async (t) => {
  const port = await served(t);
  const { say, keyFor } = await proxyFor(t);
  const key = keyFor(`127.0.0.1:${port}`);
  const answer = await say(`${key}\n${get(`http://127.0.0.1:${port}/a?b=c`)}`);
  assert.equal(firstLine(answer), "HTTP/1.1 200 OK");
  assert.match(answer, new RegExp(`GET /a\\?b=c 127.0.0.1:${port}`));
});

test("names are resolved by the proxy, and one that leads into the own network is refused, whoever declared it", async (t) => {
  const port = await served(t);
  const asked: string[] = [];
  const { say, keyFor } = await proxyFor(t, (name) => {
    asked.push(name);
    return Promise.resolve([{ address: "127.0.0.1", family: 4 }]);
  });
  const key = keyFor(`inside.example:${port}`, "*.below.example", `169.254.169.254:${port}`, `[::1]:${port}`);
  assert.equal(
    refusal(await say(`${key}\n${get(`http://inside.example:${port}/`)}`)),
    "inside.example leads to 127.0.0.1, which is in the own network, which needs the address itself to be declared, with its port",
  );
  assert.match(
    await say(`${key}\nCONNECT a.below.example:443 HTTP/1.1\r\nhost: x\r\n\r\n`),
    /^HTTP\/1.1 403 Forbidden\r\nloop-refused: a\.below\.example leads to 127\.0\.0\.1/,
  );
  assert.deepEqual(asked, ["inside.example", "a.below.example"]);
  assert.match(await say(`${key}\n${get(`http://169.254.169.254:${port}/latest`)}`), /403[^]*which is never asked/);
});

test("what was not admitted is refused before a name is looked up: other hosts, other ports, what is above a pattern, addresses that are read in two ways", async (t) => {
  const { say, keyFor } = await proxyFor(t, () => assert.fail("no name is looked up"));
  const key = keyFor("a.example", "*.b.example", "127.0.0.1:80");
  for (const url of [
    "http://c.example/",
    "http://a.example:8080/",
    "http://b.example/",
    "https://a.example/",
    "http://user@a.example/",
    "http://a.example./",
    "/path",
  ])
    assert.equal(firstLine(await say(`${key}\n${get(url)}`)), "HTTP/1.1 403 Forbidden", url);
  for (const place of ["c.example:443", "a.example:22", "b.example:443", "127.0.0.1:443", "a.example", "a.example:443/x", "a@a.example:443"])
    assert.equal(firstLine(await say(`${key}\nCONNECT ${place} HTTP/1.1\r\nhost: x\r\n\r\n`)), "HTTP/1.1 403 Forbidden", place);
});

test("who does not say who it is gets nothing, nor does one whose time is over", async (t) => {
  const port = await served(t);
  const { proxy, say } = await proxyFor(t);
  const admission = proxy.admit([`127.0.0.1:${port}`]);
  const key = admission.wrap(["x"])[4]!;
  const asking = get(`http://127.0.0.1:${port}/`);
  assert.equal(firstLine(await say(`${key}\n${asking}`)), "HTTP/1.1 200 OK");
  for (const start of ["", "\n", `${"0".repeat(32)}\n`, `${key}0\n`, `${key.slice(0, -1)}\n`, "x".repeat(100_000)])
    assert.equal(await say(start + asking), "", start.slice(0, 40));
  admission.end();
  assert.equal(await say(`${key}\n${asking}`), "");
});

test("a tunnel carries both ways, and a server that is not there is said", async (t) => {
  const port = await served(t);
  const { say, keyFor } = await proxyFor(t);
  const key = keyFor(`127.0.0.1:${port}`, "127.0.0.1:1");
  const carried = await say(`${key}\nCONNECT 127.0.0.1:${port} HTTP/1.1\r\nhost: x\r\n\r\n${get("/through")}`);
  assert.match(carried, /^HTTP\/1.1 200 Connection established\r\n\r\nHTTP\/1.1 200 OK[^]*GET \/through other\.example/);
  assert.match(
    await say(`${key}\nCONNECT 127.0.0.1:1 HTTP/1.1\r\nhost: x\r\n\r\n`),
    /^HTTP\/1.1 502 Bad Gateway\r\nloop-refused: 127\.0\.0\.1:1 could not be asked \(ECONNREFUSED\)/,
  );
  assert.match(await say(`${key}\n${get("http://127.0.0.1:1/")}`), /^HTTP\/1.1 502/);
});

test("sockets of processes that were killed are taken away, those of others stay", async (t) => {
  const { folder } = await proxyFor(t);
  await writeFile(join(folder, "proxy-other.txt"), "");
  const dead = createServer().listen(join(folder, "proxy-dead.sock"));
  await once(dead, "listening");
  const { spawnSync } = await import("node:child_process");
  const script = `require("node:net").createServer().listen(${JSON.stringify(join(folder, "proxy-killed.sock"))}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", script]);
  assert.ok((await readdir(folder)).includes("proxy-killed.sock"));
  const second = await startHostProxy({ folder });
  t.after(() => second.close());
  const names = await readdir(folder);
  assert.deepEqual(
    [names.includes("proxy-killed.sock"), names.includes("proxy-dead.sock"), names.includes("proxy-other.txt"), names.length],
    [false, true, true, 4],
  );
  await new Promise((done) => dead.close(done));
});
