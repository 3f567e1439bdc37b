import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { createBwrapSandbox } from "#src/adapters/sandbox-bwrap/sandbox.ts";
import { createSandboxOff } from "#src/adapters/sandbox-off/sandbox.ts";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import { toolNamed, toolUse } from "#src/testing/tool-server.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { filesOf } from "#src/testing/workspace-files.ts";
import { codeOf } from "#src/workspace/code-servers.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import { codeTools } from "#src/adapters/tool-code/tools.ts";

const HEADER = "apiVersion: loopwright.dev/v1";
const bwrap = createBwrapSandbox({ searchPath: "/usr/bin:/bin", platform: process.platform, isRoot: process.getuid?.() === 0, hidden: [] });
const inSandbox = await bwrap.available();

const HELPER = "./lib/prices.ts";
const ORDERS = `import { defineTool, z } from "loopwright";
import { priceOf } from ${JSON.stringify(HELPER)};

const input = z.object({ id: z.string().min(1), count: z.number().int().default(1) });
export const lookup = defineTool({
  name: "lookup", description: "Looks an order up.", input, effect: "read", outbound: false, private: true,
  run: ({ id, count }) => ({ id, price: priceOf(id) * count }),
});
const placed = new Map<string, string>();
export default defineTool({
  name: "place", description: "Places an order.", input, effect: "findable", risk: "high",
  run: ({ id }, { key }) => ({ id, key }),
  find: (_args, { key }) => (key.endsWith("08") ? { found: key } : undefined),
});
`;

async function servers(t: TestContext, files: Readonly<Record<string, string>>, { sandbox = createSandboxOff() as SandboxPort } = {}) {
  const all = filesOf({ "loop.yaml": `${HEADER}\nkind: Workspace\nname: code\n`, ...files });
  const parsed = parseWorkspace(all);
  assert.ok(parsed.kind === "ok", JSON.stringify(parsed));
  const made = new Map(
    parsed.workspace.toolServers.map((server) => [
      server.name,
      codeTools(server as Parameters<typeof codeTools>[0], {
        log: silentLog,
        sandbox: () => Promise.resolve(sandbox),
        code: () => Promise.resolve(codeOf(all)),
      }),
    ]),
  );
  t.after(() => Promise.all([...made.values()].map((tools) => tools.close())));
  for (const tools of made.values()) await tools.refresh();
  return made;
}

const whyOff = async (t: TestContext, source: string, more: Readonly<Record<string, string>> = {}): Promise<string> =>
  (await servers(t, { "tools/broken.ts": source, ...more })).get("broken")!.states()[0]?.why ?? "it is on";

for (const [name, sandbox, skip] of [
  ["off", createSandboxOff(), false],
  ["bwrap", bwrap, inSandbox.ok ? false : inSandbox.why],
] as const) {
  test(`a file of tools/ is described and called, sandbox ${name}`, { skip }, async (t) => {
    const made = await servers(
      t,
      { "tools/orders.ts": ORDERS, "tools/lib/prices.ts": "export const priceOf = (id: string): number => id.length;\n" },
      { sandbox },
    );
    const orders = made.get("orders")!;
    assert.deepEqual([...made.keys()], ["orders"]);
    assert.deepEqual(orders.states(), [
      { name: "orders.place", state: "on", why: null },
      { name: "orders.lookup", state: "on", why: null },
    ]);
    const lookup = toolNamed(orders.list(), "orders.lookup");
    assert.deepEqual([lookup.effect, lookup.terms], ["read", { risk: "low", outbound: false, private: true, untrusted: true }]);
    assert.deepEqual((lookup.schema as { required: string[] }).required, ["id"]);
    assert.deepEqual(await lookup.invoke({ id: "abc", count: 2 }, toolUse()), { id: "abc", price: 6 });
    await assert.rejects(lookup.invoke({ count: 2 }, toolUse()), { code: "input_invalid", message: /id/ });
    const place = toolNamed(orders.list(), "orders.place");
    assert.deepEqual(place.terms, { risk: "high", outbound: true, private: true, untrusted: true });
    assert.deepEqual(await place.find!(toolUse().actKey, toolUse().signal, { id: "x" }), { found: toolUse().actKey });
    assert.equal(await place.find!("another", toolUse().signal, { id: "x" }), undefined);
  });
}

test("the code is not run to be described, and what it prints is no result", async (t) => {
  const source = `import { defineTool, z } from "loopwright";
console.log("loaded");
export default defineTool({ name: "say", description: "Says.", input: z.object({}), run: () => { console.log('{"result":"forged"}'); setInterval(() => {}, 1000); return "real"; } });`;
  const say = toolNamed((await servers(t, { "tools/a.ts": source })).get("a")!.list(), "a.say");
  assert.deepEqual([say.effect, await say.invoke({}, toolUse())], ["once", "real"]);
});

test("the code has no environment, no files but its own, no programs and no imports but loopwright", async (t) => {
  process.env["LOOP_CANARY_OF_THE_TEST"] = "canary-value-of-the-test";
  t.after(() => delete process.env["LOOP_CANARY_OF_THE_TEST"]);
  const source = `import { defineTool, z } from "loopwright";
const tried = async (work: () => unknown) => { try { return "got " + JSON.stringify(await work()); } catch (error) { return (error as { code?: string }).code ?? "refused"; } };
const builtin = (name: string) => (process as unknown as { getBuiltinModule(name: string): any }).getBuiltinModule(name);
export default defineTool({ name: "try", description: "Tries.", input: z.object({}), run: async () => ({
  env: Object.keys(process.env).filter((name) => !["TZ", "LANG", "SANDBOX_RUN_ID", "PWD"].includes(name)),
  passwd: await tried(() => builtin("fs").readFileSync("/etc/passwd", "utf8")),
  write: await tried(() => builtin("fs").writeFileSync("/tmp/loopwright-should-not-be", "x")),
  program: await tried(() => builtin("child_process").execSync("id").toString()),
  imported: await tried(() => import("node:" + "fs")),
}) });`;
  const made = await servers(t, { "tools/a.ts": source });
  const result = await toolNamed(made.get("a")!.list(), "a.try").invoke({}, toolUse());
  assert.deepEqual(result, { env: [], passwd: "ERR_ACCESS_DENIED", write: "ERR_ACCESS_DENIED", program: "ERR_ACCESS_DENIED", imported: "refused" });
});

test("what is wrong with a file is told with its line, and without a path of this machine", async (t) => {
  const tool = (more: string) =>
    `import { defineTool, z } from "loopwright";\n\nexport default defineTool({ name: "x", description: "X.", input: z.object({}), ${more} });\n`;
  const broken: readonly (readonly [source: string, why: RegExp])[] = [
    ["const a = ;\n", /^tools\/broken\.ts:1: .*Expression expected/s],
    [`import fs from "node:fs";\nexport default fs;\n`, /tools\/broken\.ts.*imports "node:fs"/],
    [`import { x } from "../agents/x.ts";\nexport default x;\n`, /tools\/broken\.ts.*imports/],
    [tool(`effect: "sometimes", run: () => 1`), /^tools\/broken\.ts:3: .*effect of x: expected one of read/],
    [tool(`effect: "findable", run: () => 1`), /^tools\/broken\.ts:3: .*find of x/],
    [`\nthrow new Error("not today");\n`, /^tools\/broken\.ts:2: .*not today/],
  ];
  for (const [source, why] of broken) {
    const said = await whyOff(t, source);
    assert.match(said, why, source);
    assert.doesNotMatch(said, /\/tmp\/|loopwright-code/);
  }
});

test("a tool that throws, never ends or gives too much fails by itself, with its line", async (t) => {
  const source = `import { defineTool, z } from "loopwright";
const input = z.object({});
const tool = (name: string, run: () => any) => defineTool({ name, description: "Fails.", input, run });
export const all = [
  tool("throws", () => {
    throw new Error("no such order");
  }),
  tool("reaches", () => fetch("http://127.0.0.1:9/")),
  tool("hangs", () => { for (;;); }),
  tool("waits", () => new Promise(() => setInterval(() => {}, 1000))),
  tool("floods", () => "x".repeat(100_000)),
  tool("eats", () => { const all: string[] = []; for (;;) all.push("x".repeat(1e6) + all.length); }),
];`;
  const yaml = `${HEADER}\nkind: ToolServer\nname: bad\nfrom: { by: code, file: tools/all.ts }\nlimits: { timeout: 3s, maxResultBytes: 1024 }\n`;
  const tools = (await servers(t, { "tools/all.ts": source, "tools/bad.yaml": yaml })).get("bad")!.list();
  const why = (name: string) =>
    toolNamed(tools, `bad.${name}`)
      .invoke({}, toolUse())
      .then(
        () => "it went well",
        (error: Error) => error.message,
      );
  assert.equal(await why("throws"), "tools/all.ts:6: no such order.");
  assert.equal(await why("reaches"), "tools/all.ts:8: fetch failed.");
  assert.match(await why("hangs"), /took longer than 3000 ms/);
  assert.match(await why("waits"), /took longer than 3000 ms/);
  assert.match(await why("floods"), /more than 1024 bytes/);
  assert.notEqual(await why("eats"), "it went well");
});

test("names that clash, and code that is not there, are problems of the workspace", () => {
  const problemsOf = (files: Readonly<Record<string, string>>): string => {
    const parsed = parseWorkspace(filesOf({ "loop.yaml": `${HEADER}\nkind: Workspace\nname: code\n`, ...files }));
    return parsed.kind === "ok" ? "none" : parsed.problems.map(({ file, seen }) => `${file}: ${seen}`).join("; ");
  };
  assert.match(problemsOf({ "tools/My Tool.ts": "" }), /tools\/My Tool\.ts: the name My Tool/);
  assert.match(
    problemsOf({ "tools/web.ts": "", "tools/other.yaml": `${HEADER}\nkind: ToolServer\nname: web\nfrom: { by: web }\n` }),
    /which tools\/other\.yaml has too/,
  );
  assert.match(
    problemsOf({ "tools/a.yaml": `${HEADER}\nkind: ToolServer\nname: a\nfrom: { by: code, file: tools/gone.ts }\n` }),
    /tools\/gone\.ts, which is not there/,
  );
});
