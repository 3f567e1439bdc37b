import assert from "node:assert/strict";
import { test } from "node:test";
import type { ToolDeps } from "#src/acts/ports/tool-source.ts";
import { testDatabase } from "#src/testing/database.ts";
import { gateway, invoke, offered, serverFile, stateOf, until } from "#src/testing/mcp-gateway.ts";
import { oauthServer } from "#src/testing/oauth-server.ts";
import { isSafeAddress } from "./guarded-fetch.ts";
import { httpTransport } from "./http-transport.ts";
import { beginLogin, finishLogin, type LoginVault } from "./login.ts";
import { requireAudience } from "./token-audience.ts";

const deps = {} as ToolDeps;

function memoryVault(): LoginVault & { readonly kept: Map<string, string>; readonly taught: Set<string> } {
  const [kept, taught] = [new Map<string, string>(), new Set<string>()];
  return {
    kept,
    taught,
    read: (name) => Promise.resolve(kept.get(name)),
    keep: async (name, value) => void kept.set(name, value),
    teach: (values) => values.forEach((value) => taught.add(value)),
  };
}

const remote = (url: string, more: object = {}) => serverFile({ name: "remote", from: { url, command: undefined, auth: { type: "oauth" }, ...more } });

/** What a browser would come to after a person agreed. */
const agreed = (link: string, code = "the-code"): string => {
  const asked = new URL(link).searchParams;
  return `${asked.get("redirect_uri")}?code=${code}&state=${encodeURIComponent(asked.get("state")!)}`;
};

test("a server that wants a login is off until a person opened the link and brought the code back; its tokens are sealed and renewed", async (t) => {
  const [{ db }, oauth, vault] = [await testDatabase(t), await oauthServer(t), memoryVault()];
  const server = remote(oauth.url);
  const tools = gateway(t, db, { server, http: (file, given) => httpTransport(file, given, { vault }) });
  await until(async () => {
    await tools.refresh();
    return stateOf(tools, "remote.*")?.includes("it wants a person to log in: `loop tools login <server>`");
  });
  const link = await beginLogin(server, deps, { vault });
  const asked = new URL(link);
  assert.deepEqual([asked.pathname, asked.searchParams.get("code_challenge_method"), asked.searchParams.get("resource")], ["/authorize", "S256", oauth.url]);
  await assert.rejects(finishLogin(server, deps, { vault, address: agreed(link).replace(/state=.*/, "state=another") }), { code: "input_invalid" });
  await assert.rejects(finishLogin(server, deps, { vault, address: agreed(link, "wrong") }), { code: "tool_login_refused" });
  await finishLogin(server, deps, { vault, address: agreed(link) });
  assert.ok(vault.taught.has("an-access-token-of-the-test") && vault.taught.has("a-refresh-token-of-the-test"));
  await assert.rejects(finishLogin(server, deps, { vault, address: agreed(link) }), { code: "input_invalid", message: /No login to remote was begun/ });
  assert.deepEqual(await invoke(await offered(tools, "remote.who")), { text: "you" });

  oauth.faults.accessToken = "a-newer-token-of-the-test";
  const [name, entry] = [...vault.kept][0]!;
  vault.kept.set(name, entry.replace("an-access-token-of-the-test", "a-token-that-ran-out"));
  assert.deepEqual(await invoke(await offered(tools, "remote.who")), { text: "you" });
  assert.match(vault.kept.get(name)!, /a-newer-token-of-the-test/);
});

for (const endpoint of [
  "javascript:alert(1)",
  "file:///etc/passwd",
  "http://example.org/authorize",
  "https://user:word@example.org/",
  "$(touch /tmp/x)",
  "data:text/html,x",
]) {
  test(`metadata that sends a person to ${endpoint} is refused, and no link is given`, async (t) => {
    const [oauth, vault] = [await oauthServer(t, { metadata: { authorization_endpoint: endpoint } }), memoryVault()];
    await assert.rejects(beginLogin(remote(oauth.url), deps, { vault }), (error: { code?: string; message?: string }) => {
      assert.equal(error.code, "tool_login_refused");
      assert.ok(!error.message!.includes("passwd") && !error.message!.includes("touch"), error.message);
      return true;
    });
    assert.ok([...vault.kept.values()].every((entry) => !entry.includes("tokens")));
    oauth.faults.metadata = {};
    assert.equal(new URL(await beginLogin(remote(oauth.url), deps, { vault })).origin, new URL(oauth.url).origin, "once it is mended, people may log in");
  });
}

test("a token endpoint on another kind of address is never asked, and one that changes during a login is not taken up", async (t) => {
  for (const early of [true, false]) {
    const metadata = { token_endpoint: "http://example.org/token" };
    const [oauth, vault] = [await oauthServer(t, early ? { metadata } : {}), memoryVault()];
    const server = remote(oauth.url);
    const link = await beginLogin(server, deps, { vault });
    oauth.faults.metadata = metadata;
    const finished = finishLogin(server, deps, { vault, address: agreed(link) });
    await (early ? assert.rejects(finished, { code: "tool_login_refused" }) : finished);
    assert.equal(oauth.seen.filter(({ path }) => path === "/token").length, early ? 0 : 1);
  }
});

test("a token for another audience is not kept and never sent, and the login of one server is not that of another", async (t) => {
  const foreign = ["e30", Buffer.from(JSON.stringify({ aud: "https://other.example/mcp" })).toString("base64url"), "sig"].join(".");
  const [oauth, vault] = [await oauthServer(t, { accessToken: foreign }), memoryVault()];
  const server = remote(oauth.url);
  const link = await beginLogin(server, deps, { vault });
  await assert.rejects(finishLogin(server, deps, { vault, address: agreed(link) }), { code: "tool_login_refused", message: /meant for another server/ });
  assert.ok(!JSON.stringify([...vault.kept]).includes(foreign));

  const other = await oauthServer(t);
  oauth.faults.accessToken = "an-access-token-of-the-test";
  await finishLogin(server, deps, { vault, address: agreed(await beginLogin(server, deps, { vault })) });
  const { db } = await testDatabase(t);
  const tools = gateway(t, db, { server: remote(other.url), http: (file, given) => httpTransport(file, given, { vault }) });
  await until(async () => {
    await tools.refresh();
    return stateOf(tools, "remote.*")?.includes("it wants a person to log in");
  });
  assert.ok(other.seen.every(({ authorization }) => authorization === undefined));
});

test("a token of a file goes to its server alone: a redirect is not followed", async (t) => {
  const [{ db }, other] = [await testDatabase(t), await oauthServer(t)];
  const oauth = await oauthServer(t, { redirect: other.url });
  const server = remote(oauth.url, { auth: { type: "token", token: "secret:remote-token" } });
  const secret = () => Promise.resolve("the-token-of-the-file");
  const tools = gateway(t, db, { server, deps: { secret }, http: (file, given) => httpTransport(file, given, { vault: memoryVault() }) });
  await until(async () => {
    await tools.refresh();
    return stateOf(tools, "remote.*")?.includes("it sends us on to another address, which is not followed");
  });
  assert.ok(oauth.seen.some(({ authorization }) => authorization === "Bearer the-token-of-the-file"));
  assert.deepEqual(other.seen, []);
});

test("addresses are https, or on this machine where the server is; an audience is the server, its origin or a path above it", () => {
  for (const [url, allowLoopback, isSafe] of [
    ["https://example.org/a", false, true],
    ["http://example.org/a", true, false],
    ["http://127.0.0.1:4000/a", true, true],
    ["http://127.0.0.1:4000/a", false, false],
    ["https://localhost/a", false, false],
    ["ftp://localhost/a", true, false],
    ["no address", true, false],
  ] as const)
    assert.equal(isSafeAddress(url, allowLoopback), isSafe, url);
  const token = (aud: unknown): string => ["x", Buffer.from(JSON.stringify({ aud })).toString("base64url"), "y"].join(".");
  const isTaken = (aud: unknown): boolean => {
    try {
      requireAudience(token(aud), "https://tools.example/mcp");
      return true;
    } catch {
      return false;
    }
  };
  assert.deepEqual(
    [
      "https://tools.example/mcp",
      "https://tools.example",
      ["https://a.example", "https://tools.example/"],
      "https://tools.example/mcp2",
      "https://evil.example/mcp",
      "x",
    ].map(isTaken),
    [true, true, true, false, false, false],
  );
  assert.doesNotThrow(() => requireAudience("opaque", "https://tools.example/mcp"));
});
