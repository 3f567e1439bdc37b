import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { link, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { toolPortSuite } from "#src/testing/tool-port.suite.ts";
import { toolNamed, toolServer, toolUse } from "#src/testing/tool-server.ts";
import { filesTools } from "./tools.ts";

const SECRET = "the secret of somebody else";

/** A root with a file in it, a folder outside with a secret, and the home of a server with its workspace inside. */
async function place(t: TestContext) {
  const base = await realpath(await mkdtemp(join(tmpdir(), "loopwright-files-")));
  t.after(() => rm(base, { recursive: true, force: true }));
  const [root, outside, home] = [join(base, "root"), join(base, "outside"), join(base, "home")];
  for (const folder of [root, join(root, "in"), outside, join(home, "workspace", "agents"), join(home, "keys")]) await mkdir(folder, { recursive: true });
  await writeFile(join(root, "in", "note.md"), "One line\nAnother LINE\n");
  await writeFile(join(outside, "secret"), SECRET);
  await writeFile(join(home, "keys", "signing"), SECRET);
  await writeFile(join(home, "workspace", "loop.yaml"), "name: x\n");
  const roots = [
    { name: "docs", path: root, write: true },
    { name: "all", path: base, write: true },
    { name: "ws", path: ".", write: true },
    { name: "readonly", path: root },
  ];
  const tools = filesTools(toolServer({ by: "files", roots }), { workspaceFolder: join(home, "workspace"), hidden: [home] });
  const call = (name: string, args: { readonly [key: string]: Json }, key?: string) =>
    toolNamed(tools, `it.${name}`).invoke(args, toolUse(key === undefined ? {} : { actKey: key }));
  return { base, root, outside, home, tools, call };
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    (value) => `gave ${JSON.stringify(value)}`,
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

const CALLS: Readonly<Record<string, { readonly [key: string]: Json }>> = {
  read: { root: "docs", path: "in/note.md" },
  list: { root: "docs", path: "" },
  search: { root: "docs", text: "line" },
  write: { root: "docs", path: "in/new.md", text: "new" },
};
for (const [name, args] of Object.entries(CALLS))
  toolPortSuite({
    name: `files.${name}`,
    wrong: [{}, { ...args, root: 7 }, { ...args, extra: true }, "docs", { ...args, root: "none" }],
    async subject(t) {
      const { tools, root } = await place(t);
      const read = async () =>
        Promise.all((await readdir(join(root, "in"))).toSorted().map(async (file) => [file, await readFile(join(root, "in", file), "utf8")]));
      return { port: toolNamed(tools, `it.${name}`), args: [args], changed: read };
    },
  });

test("read, list and search stay in their root and give what is there", async (t) => {
  const { call, root } = await place(t);
  const read = (await call("read", { root: "docs", path: "in/note.md" })) as { text: string; path: string; truncated: boolean };
  assert.deepEqual([read.text, read.path, read.truncated], ["One line\nAnother LINE\n", join(root, "in", "note.md"), false]);
  assert.deepEqual(await call("list", { root: "docs", path: "" }), { path: root, entries: [{ name: "in", kind: "folder" }], truncated: false });
  const found = (await call("search", { root: "docs", text: "line" })) as { hits: { line: number }[] };
  assert.deepEqual(
    found.hits.map(({ line }) => line),
    [1, 2],
  );
});

test("no spelling of a path leads out of the root", async (t) => {
  const { call, root, outside } = await place(t);
  await symlink(join(outside, "secret"), join(root, "link"));
  await symlink(outside, join(root, "folder"));
  await symlink("../../outside/secret", join(root, "in", "relative"));
  await symlink("/proc/self/environ", join(root, "environ"));
  await link(join(outside, "secret"), join(root, "hard"));
  execFileSync("mkfifo", [join(root, "pipe")]);
  const paths = [
    "../outside/secret",
    "in/../../outside/secret",
    "..",
    "/etc/passwd",
    "link",
    "folder/secret",
    "in/relative",
    "environ",
    "hard",
    "pipe",
    "link\u0000.md",
    "in",
    `${"a/".repeat(3_000)}x`,
    `${"b".repeat(300)}`,
    "in/note.md/x",
  ];
  for (const path of paths) {
    const said = await codeOf(call("read", { root: "docs", path }));
    assert.ok(said === "input_invalid" || said === "tool_failed", `${path.slice(0, 40)}: ${said}`);
  }
  const found = (await call("search", { root: "docs", text: "somebody" })) as { hits: unknown[] };
  assert.deepEqual(found.hits, [], "links and files with two names are not searched");
});

test("the home of the server and its keys are closed, also below a root that holds them; the workspace in it is open to be read", async (t) => {
  const { call } = await place(t);
  for (const path of ["home/keys/signing", "home/keys", "HOME/keys/signing"])
    assert.match(await codeOf(call("read", { root: "all", path })), /^(input_invalid|tool_failed)$/, path);
  assert.equal(((await call("read", { root: "ws", path: "loop.yaml" })) as { text: string }).text, "name: x\n");
  const found = (await call("search", { root: "all", text: "somebody" })) as { hits: { path: string }[] };
  assert.deepEqual(
    found.hits.map(({ path }) => path.split("/").at(-2)),
    ["outside"],
  );
});

test("a tool never writes what an agent is told or may do, a hook of git, or through a link", async (t) => {
  const { call, root, outside, home } = await place(t);
  await symlink(join(outside, "secret"), join(root, "link"));
  await symlink(outside, join(root, "folder"));
  await link(join(outside, "secret"), join(root, "hard"));
  const refused: (readonly [string, string])[] = [
    ["ws", "agents/mine.yaml"],
    ["ws", "PLAYBOOK.md"],
    ["ws", "policies/new.yaml"],
    ["all", "home/workspace/agents/mine.yaml"],
    ["all", "home/keys/new"],
    ["docs", ".git/hooks/pre-commit"],
    ["docs", ".GIT/hooks/pre-commit"],
    ["docs", "link"],
    ["docs", "folder/new"],
    ["docs", "hard"],
    ["docs", "nowhere/new"],
    ["readonly", "new"],
    ["docs", ""],
  ];
  for (const [name, path] of refused)
    assert.match(await codeOf(call("write", { root: name, path, text: "x" })), /^(input_invalid|tool_failed)$/, `${name}:${path}`);
  assert.equal(await readFile(join(outside, "secret"), "utf8"), SECRET);
  assert.deepEqual(await readdir(join(home, "workspace")), ["agents", "loop.yaml"]);
  await call("write", { root: "ws", path: "reports/may.md", text: "x", makeFolders: true });
  assert.equal(await readFile(join(home, "workspace", "reports", "may.md"), "utf8"), "x");
});

test("a write is whole, keeps the mode, changes nothing the second time, and refuses another file than the one it was meant for", async (t) => {
  const { call, root } = await place(t);
  const args = { root: "docs", path: "in/note.md", text: "new", base: null };
  assert.equal(await codeOf(call("write", args)), "tool_failed", "there is a file already");
  const before = (await call("read", { root: "docs", path: "in/note.md" })) as { sha256: string };
  const good = { ...args, base: before.sha256 };
  const first = (await call("write", good)) as { changed: boolean };
  const again = (await call("write", good)) as { changed: boolean };
  assert.deepEqual([first.changed, again.changed, await readFile(join(root, "in", "note.md"), "utf8")], [true, false, "new"]);
  assert.deepEqual(await readdir(join(root, "in")), ["note.md"]);
  assert.equal((await stat(join(root, "in", "note.md"))).mode & 0o777, 0o644);
});

test("policy sees the path that is really meant", async (t) => {
  const { tools, root } = await place(t);
  const read = toolNamed(tools, "it.read") as ToolPort;
  assert.deepEqual(await read.facts!({ root: "docs", path: "./in//note.md" }), { path: join(root, "in", "note.md") });
  assert.throws(() => read.check!({ root: "docs", path: "../x" }), { code: "input_invalid" });
  assert.throws(() => read.check!({ root: "nothing", path: "x" }), { code: "input_invalid", message: /docs, all, ws, readonly/ });
});

test("a folder that is swapped for a link again and again never lets a secret out", async (t) => {
  const { call, root, outside } = await place(t);
  await writeFile(join(outside, "note.md"), SECRET);
  let over = false;
  const swap = (async () => {
    await symlink(outside, join(root, "trap"));
    while (!over) {
      await rename(join(root, "in"), join(root, "aside"));
      await rename(join(root, "trap"), join(root, "in"));
      await rename(join(root, "in"), join(root, "trap"));
      await rename(join(root, "aside"), join(root, "in"));
    }
  })();
  const seen = new Set<string>();
  for (let count = 0; count < 400; count += 1) seen.add(await codeOf(call("read", { root: "docs", path: "in/note.md" })));
  over = true;
  await swap;
  assert.equal(
    [...seen].some((said) => said.includes(SECRET)),
    false,
  );
  assert.ok(seen.size > 1, "the trap was met at least once");
});
