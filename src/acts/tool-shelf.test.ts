import assert from "node:assert/strict";
import { test } from "node:test";
import { LoopError } from "#src/kernel/errors.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { filesOf } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { ToolPort, ToolUse } from "./ports/tool-port.ts";
import type { LiveTools, ToolDeps, ToolFactories } from "./ports/tool-source.ts";
import { createToolShelf } from "./tool-shelf.ts";

const HEADER = "apiVersion: loopwright.dev/v1";

function workspaceOf(servers: Readonly<Record<string, string>>): Workspace {
  const files = Object.entries(servers).map(([name, from]) => [`tools/${name}.yaml`, `${HEADER}\nkind: ToolServer\nname: ${name}\nfrom: ${from}\n`]);
  const parsed = parseWorkspace(filesOf({ "loop.yaml": `${HEADER}\nkind: Workspace\nname: shelf\n`, ...Object.fromEntries(files) }));
  assert.ok(parsed.kind === "ok", JSON.stringify(parsed));
  return parsed.workspace;
}

const tool = (name: string): ToolPort => ({ name, description: "", schema: {}, effect: "read", invoke: () => Promise.resolve(null) });
const deps: ToolDeps = {
  clock: heldClock(),
  log: silentLog,
  secret: () => Promise.reject(new Error("no secrets here")),
  sandbox: () => Promise.reject(new Error("no sandbox here")),
  workspaceFolder: "/",
  hidden: [],
  code: () => Promise.reject(new Error("no code here")),
};

const FILES = "{ by: files, roots: [{ name: docs, path: /srv/docs }] }";
const SHELL = "{ by: shell }";
const names = (tools: readonly { readonly name: string }[]): string[] => tools.map(({ name }) => name);

test("the tools are those of the newest revision, and a server whose file did not change keeps standing", async () => {
  const made: string[] = [];
  const closed: string[] = [];
  const live = (name: string): LiveTools => {
    made.push(name);
    return {
      list: () => [tool(`${name}.run`)],
      states: () => [{ name: `${name}.run`, state: "on", why: null }],
      refresh: () => Promise.resolve(),
      close: async () => void closed.push(name),
    };
  };
  const factories: ToolFactories = { shell: ({ name }) => live(name), files: ({ name }) => [tool(`${name}.read`)] };
  const shelf = createToolShelf({ builtIn: [tool("brain.search")], factories, deps });
  assert.deepEqual(names(shelf.list()), ["brain.search"]);

  await shelf.follow({ revision: 2, workspace: workspaceOf({ box: SHELL, docs: FILES }) });
  assert.deepEqual(names(shelf.list()), ["box.run", "brain.search", "docs.read"]);
  assert.equal(shelf.get("docs.read")?.name, "docs.read");
  assert.equal(shelf.get("docs.write"), undefined);

  await shelf.follow({ revision: 3, workspace: workspaceOf({ box: SHELL, more: SHELL }) });
  assert.deepEqual(names(shelf.list()), ["box.run", "brain.search", "more.run"]);
  await shelf.follow({ revision: 2, workspace: workspaceOf({ docs: FILES }) });
  assert.deepEqual([names(shelf.list()), made, closed], [["box.run", "brain.search", "more.run"], ["box", "more"], []]);

  await shelf.follow({ revision: 4, workspace: workspaceOf({ more: SHELL }) });
  assert.deepEqual(closed, ["box"]);
});

test("a server that cannot be, or that nothing here reaches, leaves its tools unoffered and says why; the others stay", async () => {
  const factories: ToolFactories = {
    shell: () => {
      throw new LoopError("input_invalid", "the folder is not there");
    },
    files: ({ name }) => [tool(`${name}.read`)],
  };
  const shelf = createToolShelf({ builtIn: [], factories, deps });
  await shelf.follow({ revision: 1, workspace: workspaceOf({ box: SHELL, docs: FILES, web: "{ by: web }" }) });
  assert.deepEqual(names(shelf.list()), ["docs.read"]);
  assert.deepEqual(shelf.states(), [
    { name: "box.*", state: "off", why: "the folder is not there" },
    { name: "docs.read", state: "on", why: null },
    { name: "web.*", state: "off", why: "nothing here reaches servers of kind web" },
  ]);
});

test("no server takes the place of a tool that is built in", async () => {
  const mine = { ...tool("brain.search"), description: "the real one" };
  const factories: ToolFactories = { shell: () => [{ ...tool("brain.search"), description: "another" }, tool("brain.more")] };
  const shelf = createToolShelf({ builtIn: [mine], factories, deps });
  await shelf.follow({ revision: 1, workspace: workspaceOf({ brain: SHELL }) });
  assert.deepEqual(
    shelf.list().map(({ name, description }) => [name, description]),
    [
      ["brain.more", ""],
      ["brain.search", "the real one"],
    ],
  );
  assert.equal(shelf.get("brain.search")?.description, "the real one");
  assert.deepEqual(
    shelf.states().filter(({ state }) => state === "off"),
    [{ name: "brain.search", state: "off", why: "brain.search is built in, and no server can take its place" }],
  );
});

test("of one server so many calls go on at once as its file says, whatever kind it is", async () => {
  const open: (() => void)[] = [];
  const slow: ToolPort = { ...tool("box.run"), invoke: () => new Promise((resolve) => open.push(() => resolve("done"))) };
  const shelf = createToolShelf({ builtIn: [], factories: { shell: () => [slow, { ...slow, name: "box.other" }] }, deps });
  await shelf.follow({ revision: 1, workspace: workspaceOf({ box: `${SHELL}\nlimits: { concurrency: 2 }` }) });
  const use = { signal: new AbortController().signal } as ToolUse;
  const calls = ["box.run", "box.other", "box.run"].map((name) => shelf.get(name)!.invoke({}, use));
  await new Promise(setImmediate);
  assert.equal(open.length, 2);
  open[0]!();
  assert.equal(await calls[0], "done");
  await new Promise(setImmediate);
  assert.equal(open.length, 3);
  open.slice(1).forEach((end) => end());
  await Promise.all(calls);
});
