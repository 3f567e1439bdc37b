import assert from "node:assert/strict";
import { test } from "node:test";
import { heldClock } from "#src/testing/held-clock.ts";
import { localServer } from "#src/testing/local-server.ts";
import { toolNamed, toolServer, toolUse } from "#src/testing/tool-server.ts";
import { githubTools } from "./tools.ts";

const WISH = { repo: "acme/web", title: "Ask about leaks", branch: "loopwright/pro_1", files: [{ path: "policies/leaks.yaml", text: "name: leaks\n" }] };

test("files go onto a branch of their own, and what has an open pull request is never replaced", async (t) => {
  const pulls: { head: { ref: string }; body: string }[] = [];
  const branches = new Map([["main", "c0ffee0"]]);
  const { port, received } = await localServer(t, ({ method, path, body }, response) => {
    const sent = body === "" ? {} : (JSON.parse(body) as { ref?: string; sha?: string; head?: string; body?: string });
    const branch = /\/git\/ref\/heads\/(.+)$/.exec(path)?.[1];
    const answer = (status: number, value: unknown) => void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (branch !== undefined) return branches.has(branch) ? answer(200, { object: { sha: branches.get(branch) } }) : answer(404, {});
    if (path.includes("/git/commits/")) return answer(200, { tree: { sha: "7ree000" } });
    if (path.endsWith("/git/trees")) return answer(201, { sha: "7ree001" });
    if (path.endsWith("/git/commits")) return answer(201, { sha: "c0ffee1" });
    if (path.includes("/git/refs")) {
      branches.set(WISH.branch, sent.sha!);
      return answer(201, {});
    }
    if (method === "GET") return answer(200, pulls);
    const made = { ...sent, number: 4, html_url: "https://x/4", state: "open", base: { ref: "main" }, head: { ref: sent.head! }, body: sent.body! };
    pulls.push(made);
    return answer(201, pulls[0]);
  });
  const from = { by: "github" as const, baseUrl: `http://127.0.0.1:${port}`, auth: { type: "token", token: "secret:g" }, repositories: ["acme/web"] };
  const propose = toolNamed(githubTools(toolServer(from), { clock: heldClock(), secret: () => Promise.resolve("a-token-of-the-test") }), "it.pulls.propose");
  assert.equal(await propose.find!(toolUse().actKey, toolUse().signal, WISH), undefined);
  const ref = { number: 4, url: "https://x/4", head: "loopwright/pro_1", base: "main", draft: true };
  assert.deepEqual(await propose.invoke(WISH, toolUse()), ref);
  assert.deepEqual(
    [...branches],
    [
      ["main", "c0ffee0"],
      ["loopwright/pro_1", "c0ffee1"],
    ],
  );
  const tree = JSON.parse(received.find(({ path }) => path.endsWith("/git/trees"))!.body) as object;
  assert.deepEqual(tree, { base_tree: "7ree000", tree: [{ path: "policies/leaks.yaml", mode: "100644", type: "blob", content: "name: leaks\n" }] });
  assert.deepEqual(await propose.find!(toolUse().actKey, toolUse().signal, WISH), ref);
  assert.equal(await propose.find!("another", toolUse().signal, WISH), undefined);
  await assert.rejects(propose.invoke(WISH, toolUse({ actKey: "another" })), { code: "tool_failed", message: /https:\/\/x\/4/ });
});

test("no branch but one of ours is written, and no file outside the repository or of git itself", () => {
  const from = { by: "github" as const, auth: { type: "token", token: "secret:g" }, repositories: ["acme/web"] };
  const propose = toolNamed(githubTools(toolServer(from), { clock: heldClock(), secret: () => Promise.resolve("x") }), "it.pulls.propose");
  propose.check!(WISH);
  const wrong = [
    ...["main", "loopwright/", "loopwright/../main", "loopwright/a/b", "refs/heads/main", "loopwright/x\n"].map((branch) => ({ ...WISH, branch })),
    ...["../x", "/etc/passwd", ".git/config", "a/.GIT/hooks/x", "a//b", "", "a\u0000"].map((path) => ({ ...WISH, files: [{ path, text: "x" }] })),
    { ...WISH, repo: "evil/web" },
    { ...WISH, base: "../main" },
  ];
  for (const args of wrong) assert.throws(() => propose.check!(args), { code: "input_invalid" }, JSON.stringify(args));
});
