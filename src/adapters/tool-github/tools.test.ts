import assert from "node:assert/strict";
import { createVerify, generateKeyPairSync } from "node:crypto";
import type { ServerResponse } from "node:http";
import { test, type TestContext } from "node:test";
import type { Json } from "#src/kernel/canonical-json.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { localServer, type Received } from "#src/testing/local-server.ts";
import { toolPortSuite } from "#src/testing/tool-port.suite.ts";
import { toolNamed, toolServer, toolUse } from "#src/testing/tool-server.ts";
import { githubTools } from "./tools.ts";

const KEY = toolUse().actKey;
const TOKEN = { type: "token", token: "secret:github" } as const;
type Answers = Readonly<Record<string, (received: Received) => readonly [status: number, body: unknown, headers?: Record<string, string>]>>;

async function github(t: TestContext, answers: Answers, { auth = TOKEN as object, more = {}, secret = "a-token-of-the-test" } = {}) {
  const clock = heldClock(1_800_000_000_000);
  const { port, received } = await localServer(t, (one, response: ServerResponse) => {
    const [status, body, headers] = answers[`${one.method} ${one.path.split("?")[0]}`]?.(one) ?? [404, { message: "Not Found" }];
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(typeof body === "string" ? body : JSON.stringify(body));
  });
  const server = toolServer({ by: "github" as const, baseUrl: `http://127.0.0.1:${port}/api/v3`, auth, repositories: ["acme/*", "other/one"] }, more);
  const tools = githubTools(server, { clock, secret: () => Promise.resolve(secret) });
  const call = (name: string, args: { readonly [key: string]: Json }) => toolNamed(tools, `it.${name}`).invoke(args, toolUse());
  return { tools, call, received, clock, port };
}

const ISSUE = {
  number: 7,
  title: "Broken",
  state: "open",
  html_url: "https://x/7",
  body: "help <!-- loopwright:act_x -->",
  user: { login: "ana" },
  labels: [{ name: "bug" }],
  comments: 1,
  repository_url: "https://x/repos/acme/web",
};

test("each tool says what it does to the world", async (t) => {
  const { tools } = await github(t, {});
  const said = tools.map(({ name, effect, terms }) => [name, effect, terms?.outbound, terms?.private, terms?.untrusted]);
  const reads = ["issues.read", "issues.list", "issues.search", "pulls.read", "checks.read", "ci.logs", "contents.read"];
  const writes = ["issues.write", "issues.comment", "pulls.write", "pulls.propose"];
  assert.deepEqual(said, [
    ...reads.map((name) => [`it.${name}`, "read", false, true, true]),
    ...writes.map((name) => [`it.${name}`, "findable", true, false, false]),
  ]);
});

test("an issue carries the key of its act where no reader sees it, and is found by it", async (t) => {
  const issues: { body: string; title: string }[] = [];
  const { call, tools, received } = await github(t, {
    "POST /api/v3/repos/acme/web/issues": ({ body }) => {
      issues.push(JSON.parse(body));
      return [201, { ...ISSUE, ...(JSON.parse(body) as object), labels: [] }];
    },
    "GET /api/v3/repos/acme/web/issues": () => [200, issues.map((one) => ({ ...ISSUE, ...one, labels: [] }))],
  });
  const write = toolNamed(tools, "it.issues.write");
  const args = { repo: "acme/web", title: "Broken", body: "It is $(broken) `id`\n--flag" };
  assert.equal(await write.find!(KEY, toolUse().signal, args), undefined);
  const ref = { number: 7, url: "https://x/7", title: "Broken" };
  assert.deepEqual(await call("issues.write", args), ref);
  assert.deepEqual(await write.find!(KEY, toolUse().signal, args), ref);
  assert.equal(await write.find!("act_other", toolUse().signal, args), undefined);
  assert.equal(issues[0]!.body, `It is $(broken) \`id\`\n--flag\n\n<!-- loopwright:${KEY} -->`);
  assert.equal(received[0]!.headers.authorization, "Bearer a-token-of-the-test");
});

toolPortSuite({
  name: "github.issues.write",
  wrong: [{}, { repo: "acme/web" }, { repo: "acme/web", title: 7 }, { repo: "stranger/web", title: "x" }, { repo: "acme/../web", title: "x" }],
  async subject(t) {
    const issues: object[] = [];
    const { tools } = await github(t, {
      "POST /api/v3/repos/acme/web/issues": ({ body }) => {
        issues.push(JSON.parse(body) as object);
        return [201, { ...ISSUE, ...(JSON.parse(body) as object), labels: [] }];
      },
      "GET /api/v3/repos/acme/web/issues": () => [200, issues.map((one) => ({ ...ISSUE, ...one, labels: [] }))],
    });
    return { port: toolNamed(tools, "it.issues.write"), args: [{ repo: "acme/web", title: "Broken" }], changed: () => Promise.resolve(issues.length) };
  },
});

test("a comment is found among the newest of the repository", async (t) => {
  const body = `Yes\n\n<!-- loopwright:${KEY} -->`;
  const { tools } = await github(t, { "GET /api/v3/repos/acme/web/issues/comments": () => [200, [{ id: 9, html_url: "https://x/9", body, user: null }]] });
  const found = await toolNamed(tools, "it.issues.comment").find!(KEY, toolUse().signal, { repo: "acme/web", number: 7, body: "Yes" });
  assert.deepEqual(found, { id: 9, url: "https://x/9" });
});

test("a pull request is a draft onto main unless told otherwise", async (t) => {
  const { call, received } = await github(t, {
    "POST /api/v3/repos/acme/web/pulls": ({ body }) => {
      const { draft, head, base } = JSON.parse(body) as { draft: boolean; head: string; base: string };
      return [201, { number: 3, title: "x", state: "open", draft, html_url: "https://x/3", head: { ref: head, sha: "" }, base: { ref: base, sha: "" } }];
    },
  });
  assert.deepEqual(await call("pulls.write", { repo: "acme/web", title: "x", head: "fix" }), {
    number: 3,
    url: "https://x/3",
    head: "fix",
    base: "main",
    draft: true,
  });
  assert.deepEqual(JSON.parse(received[0]!.body), { title: "x", head: "fix", base: "main", draft: true, body: `\n\n<!-- loopwright:${KEY} -->` });
});

test("a repository that is not listed is refused before anybody is asked, however it is spelt", async (t) => {
  const { tools, received, call } = await github(t, {});
  const wrong = [
    "evil/web",
    "acme/../evil",
    "acme/web/../../evil/x",
    "acme",
    "acme/web?x=",
    "acme/web#",
    "../..",
    "acme/..",
    "acme/a%2fb",
    "other/one2",
    "notacme/web",
    "acme\n/web",
  ];
  for (const repo of wrong)
    for (const name of ["issues.write", "issues.read", "contents.read"]) {
      const args = { repo, title: "x", number: 1 };
      const tool = toolNamed(tools, `it.${name}`);
      assert.throws(
        () => tool.check!(name === "issues.write" ? { repo, title: "x" } : name === "issues.read" ? { repo, number: 1 } : { repo }),
        { code: "input_invalid" },
        `${name} ${repo} ${JSON.stringify(args)}`,
      );
    }
  await assert.rejects(call("issues.search", { repo: "acme/web", query: "x repo:evil/web" }), { code: "input_invalid" });
  assert.equal(received.length, 0);
});

test("what a search gives of another repository is not shown, and marks of ours are not passed on", async (t) => {
  const { call } = await github(t, {
    "GET /api/v3/search/issues": () => [200, { items: [ISSUE, { ...ISSUE, number: 8, repository_url: "https://x/repos/evil/web" }] }],
  });
  const { issues } = (await call("issues.search", { repo: "acme/web", query: "help" })) as { issues: { number: number; body: string }[] };
  assert.deepEqual(
    issues.map(({ number, body }) => [number, body]),
    [[7, "help"]],
  );
});

test("checks, contents and the end of a log are read; the log lies elsewhere, and the token does not go there", async (t) => {
  const storage = await localServer(t, (_one, response) => response.end(`${"noise\n".repeat(50_000)}error: it broke`));
  const { call, received } = await github(t, {
    "GET /api/v3/repos/acme/web/commits/feature%2Fx/check-runs": () => [
      200,
      { check_runs: [{ id: 5, name: "test", status: "completed", conclusion: "failure", html_url: "u", output: { title: "t", summary: null } }] },
    ],
    "GET /api/v3/repos/acme/web/contents/docs/a%20b.md": () => [
      200,
      { type: "file", path: "docs/a b.md", sha: "s", size: 5, encoding: "base64", content: Buffer.from("hello").toString("base64") },
    ],
    "GET /api/v3/repos/acme/web/contents/docs": () => [200, [{ name: "a b.md", type: "file", size: 5 }]],
    "GET /api/v3/repos/acme/web/actions/jobs/5/logs": () => [302, "", { location: `http://127.0.0.1:${storage.port}/log` }],
  });
  const { checks } = (await call("checks.read", { repo: "acme/web", ref: "feature/x" })) as { checks: { conclusion: string }[] };
  assert.equal(checks[0]!.conclusion, "failure");
  assert.equal(((await call("contents.read", { repo: "acme/web", path: "/docs/a b.md" })) as { text: string }).text, "hello");
  assert.deepEqual(await call("contents.read", { repo: "acme/web", path: "docs" }), {
    path: "docs",
    entries: [{ name: "a b.md", kind: "file", sizeBytes: 5 }],
  });
  await assert.rejects(
    call("ci.logs", { repo: "acme/web", job: 5, tailBytes: 256 }),
    { code: "tool_failed", message: /own network/ },
    "only GitHub itself may be in the own network",
  );
  assert.deepEqual([storage.received.length, received.length], [0, 4]);
});

test("the end of a log that GitHub gives itself is kept", async (t) => {
  const { call } = await github(t, {
    "GET /api/v3/repos/acme/web/actions/jobs/5/logs": () => [200, `${"noise\n".repeat(50_000)}error: it broke`, { "content-type": "text/plain" }],
  });
  const log = (await call("ci.logs", { repo: "acme/web", job: 5, tailBytes: 256 })) as { text: string; truncated: boolean };
  assert.deepEqual([log.text.length, log.text.endsWith("error: it broke"), log.truncated], [256, true, true]);
});

test("a rate limit is waited for as long as GitHub says; a refusal says what to do", async (t) => {
  const resetAt = String(1_800_000_000 + 90);
  const answers: (readonly [number, unknown, Record<string, string>?])[] = [
    [403, { message: "API rate limit exceeded" }, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": resetAt }],
    [429, {}, { "retry-after": "5" }],
    [502, "bad gateway"],
    [401, { message: "Bad credentials" }],
    [403, { message: "Resource not accessible by integration" }],
  ];
  const { call } = await github(t, { "GET /api/v3/repos/acme/web/issues": () => answers.shift()! });
  const list = () => call("issues.list", { repo: "acme/web" });
  await assert.rejects(list(), { code: "tool_unavailable", facts: { status: 403, retryAfterMs: 90_000 } });
  await assert.rejects(list(), { code: "tool_unavailable", facts: { status: 429, retryAfterMs: 5_000 } });
  await assert.rejects(list(), { code: "tool_unavailable" });
  await assert.rejects(list(), { code: "tool_failed", message: /Bad credentials.*Set the secret/ });
  await assert.rejects(list(), { code: "tool_failed", message: /permission/ });
});

test("an app signs in with its key, and holds the token of the installation until shortly before it ends", async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  let given = 0;
  const { call, received, clock } = await github(
    t,
    {
      "POST /api/v3/app/installations/42/access_tokens": () => [201, { token: `installation-${(given += 1)}`, expires_at: "2027-01-15T09:00:00Z" }],
      "GET /api/v3/repos/acme/web/issues": () => [200, []],
    },
    { auth: { type: "app", appId: "99", installationId: "42", privateKey: "secret:app-key" }, secret: pem },
  );
  const list = () => call("issues.list", { repo: "acme/web" });
  await Promise.all([list(), list()]);
  await list();
  assert.equal(given, 1);
  const jwt = received.find(({ method }) => method === "POST")!.headers.authorization!.slice("Bearer ".length);
  const [head, claims, signature] = jwt.split(".");
  assert.equal(createVerify("RSA-SHA256").update(`${head}.${claims}`).verify(publicKey, Buffer.from(signature!, "base64url")), true);
  const read = JSON.parse(Buffer.from(claims!, "base64url").toString()) as { iat: number; exp: number; iss: string };
  assert.deepEqual(read, { iat: 1_800_000_000 - 60, exp: 1_800_000_000 + 480, iss: "99" });
  clock.advance(Date.parse("2027-01-15T09:00:00Z") - 1_800_000_000_000 - 60_000);
  await list();
  assert.deepEqual([given, received.at(-1)!.headers.authorization], [2, "Bearer installation-2"]);
});

test("a key that cannot be read is told without quoting it", async (t) => {
  const { call } = await github(t, {}, { auth: { type: "app", appId: "9", installationId: "4", privateKey: "secret:k" }, secret: "not-a-key-at-all" });
  await assert.rejects(
    call("issues.list", { repo: "acme/web" }),
    (error: Error) => /RSA key in PEM/.test(error.message) && !error.message.includes("not-a-key"),
  );
});
