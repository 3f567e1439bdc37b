import assert from "node:assert/strict";
import { test } from "node:test";
import { localServer } from "#src/testing/local-server.ts";
import { toolPortSuite } from "#src/testing/tool-port.suite.ts";
import { toolNamed, toolServer, toolUse } from "#src/testing/tool-server.ts";
import { httpTools } from "./tools.ts";

const resolve = () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]);
const secret = (reference: string) => Promise.resolve(`value of ${reference}`);

test("each method is a tool of its own, with the effect that a repeat of it has", () => {
  const from = { by: "http" as const, hosts: ["api.test"], methods: ["GET", "HEAD", "PUT", "DELETE", "PATCH", "POST"] };
  const effects = (tools: object) => httpTools(toolServer(from, { tools }), { secret }).map(({ name, effect }) => [name, effect]);
  const usual = [
    ["it.get", "read"],
    ["it.head", "read"],
    ["it.put", "idempotent"],
    ["it.delete", "idempotent"],
    ["it.patch", "once"],
    ["it.post", "once"],
  ];
  assert.deepEqual(effects({}), usual);
  assert.deepEqual(effects({ post: { effect: "idempotent" } }).at(-1), ["it.post", "idempotent"]);
});

for (const name of ["get", "put"])
  toolPortSuite({
    name: `http.${name}`,
    wrong: [{}, { url: 7 }, { url: "http://other.test/a" }, { url: "file:///etc/passwd" }, { url: "http://api.test@other.test/" }],
    async subject(t) {
      const kept = new Map<string, string>();
      const { port } = await localServer(t, ({ method, path, body }, response) => {
        if (method === "PUT") kept.set(path, body);
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ path, body: kept.get(path) ?? null }));
      });
      const from = { by: "http" as const, hosts: [`api.test:${port}`], methods: ["GET", "PUT"], privateNetwork: true };
      const url = `http://api.test:${port}/orders/7`;
      const args = name === "put" ? { url, json: { towels: 4 } } : { url };
      return { port: toolNamed(httpTools(toolServer(from), { secret, resolve }), `it.${name}`), args: [args], changed: () => Promise.resolve([...kept]) };
    },
  });

test("a write carries the key of its act and the secret headers, and nothing of the secret comes back", async (t) => {
  const { port, received } = await localServer(t, (_one, response) =>
    response.writeHead(201, { "content-type": "application/json", "set-cookie": "session=1" }).end('{"id":7}'),
  );
  const from = {
    by: "http" as const,
    hosts: [`api.test:${port}`],
    methods: ["POST"],
    headers: { Authorization: "Bearer secret:api-key" },
    privateNetwork: true,
  };
  const post = toolNamed(httpTools(toolServer(from), { secret, resolve }), "it.post");
  const result = await post.invoke({ url: `http://api.test:${port}/orders`, json: { a: 1 } }, toolUse());
  assert.deepEqual(result, {
    status: 201,
    url: `http://api.test:${port}/orders`,
    headers: { "content-type": "application/json" },
    body: { id: 7 },
    truncated: false,
  });
  const { headers, body } = received[0]!;
  assert.deepEqual(
    [headers.authorization, headers["idempotency-key"], headers["content-type"], body],
    ["Bearer value of secret:api-key", toolUse().actKey, "application/json", '{"a":1}'],
  );
});

test("a host that is not listed is refused before anybody is asked, and so is one of the own network without permission", async () => {
  const [get] = httpTools(toolServer({ by: "http", hosts: ["api.test", "inside.test"] }), {
    secret,
    resolve: () => Promise.resolve([{ address: "::ffff:169.254.169.254", family: 6 }]),
  });
  for (const url of ["http://other.test/", "http://api.test.evil/", "http://evil\u0000.api.test/", "http://api.test:81/", "http://u:p@api.test/"])
    assert.throws(() => get!.check!({ url }), { code: "input_invalid" }, url);
  await assert.rejects(get!.invoke({ url: "http://inside.test/" }, toolUse()), { code: "tool_failed", message: /169\.254\.169\.254.*never asked/ });
});

test("an answer that means later is tried later where a repeat is harmless, and is a result where it is not", async (t) => {
  const { port } = await localServer(t, (_one, response) => response.writeHead(429, { "retry-after": "7" }).end());
  const from = { by: "http" as const, hosts: [`api.test:${port}`], methods: ["GET", "POST"], privateNetwork: true };
  const [get, post] = httpTools(toolServer(from), { secret, resolve });
  const url = `http://api.test:${port}/`;
  await assert.rejects(get!.invoke({ url }, toolUse()), { code: "tool_unavailable", facts: { status: 429, retryAfterMs: 7_000 } });
  assert.equal(((await post!.invoke({ url }, toolUse())) as { status: number }).status, 429);
});

test("a write that is cut off is not tried again by itself", async (t) => {
  const { port } = await localServer(t, (_one, response) => response.socket?.destroy());
  const from = { by: "http" as const, hosts: [`api.test:${port}`], methods: ["GET", "POST"], privateNetwork: true };
  const [get, post] = httpTools(toolServer(from), { secret, resolve });
  const url = `http://api.test:${port}/`;
  await assert.rejects(get!.invoke({ url }, toolUse()), { code: "tool_unavailable" });
  await assert.rejects(post!.invoke({ url }, toolUse()), { code: "tool_failed", message: /may have happened/ });
});

test("a manifest that names no host, a header with a bare secret in the middle, or a header of the connection is refused", () => {
  const from = { by: "http" as const, hosts: ["api.test"] };
  for (const wrong of [{ hosts: ["*"] }, { hosts: ["http://x"] }, { hosts: ["a.test/x"] }, { headers: { a: "x secret:y z" } }, { headers: { Host: "b.test" } }])
    assert.throws(() => toolServer({ ...from, ...wrong }), JSON.stringify(wrong));
});
