import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { createBwrapSandbox } from "#src/adapters/sandbox-bwrap/sandbox.ts";
import { createSandboxOff } from "#src/adapters/sandbox-off/sandbox.ts";
import { definesServices } from "#src/adapters/tool-code/services.ts";
import { followFolder } from "#src/apply/follow-folder.ts";
import { holdFolder } from "#src/apply/held-folder.ts";
import { serviceFixture } from "#src/http/service-fixture.ts";
import { makePrincipal } from "#src/people/people-fixture.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { sayObject, scriptedModel } from "#src/testing/scripted-model.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { withDefined } from "#src/workspace/defined-services.ts";
import type { FileSet } from "#src/workspace/files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { revisionFiles } from "#src/workspace/revisions.ts";
import { applyFolder } from "#src/workspace/taking.ts";
import { writeFiles } from "#src/testing/workspace-files.ts";

const bwrap = createBwrapSandbox({ searchPath: "/usr/bin:/bin", platform: process.platform, isRoot: process.getuid?.() === 0, hidden: [] });
const inSandbox = await bwrap.available();
const define = definesServices({ sandbox: createSandboxOff(), off: createSandboxOff() });

const AGENT = "apiVersion: loopwright.dev/v1\nkind: Agent\nname: judge\nrunner: model\nprocedure: chat\ninstructions: You decide.\n";
const HELPER = "./lib/parts.ts";
const TYPESCRIPT = `import { defineService, z } from "loopwright";
import { reasoned } from ${JSON.stringify(HELPER)};

export default defineService({
  name: "decide",
  path: "/decide_it",
  startingAgent: "judge",
  agents: ["judge"],
  context: { business: "A shop.", item: ["options"] },
  input: z.object({ prompt: z.string().min(1), options: z.array(z.string()), tone: z.enum(["short", "long"]).default("short") }),
  output: reasoned({ decision: z.string().meta({ "x-enumFrom": "options" }) }),
  unusable: "no_decision",
  limits: { timeout: "5s", callsPerMinute: 40 },
});
`;
const PARTS = `import { z } from "loopwright";
export const reasoned = (members: z.ZodRawShape) => z.object({ ...members, reasoning: z.string() });
`;
const YAML = `apiVersion: loopwright.dev/v1
kind: Service
name: decide
path: /decide_it
startingAgent: judge
agents: [judge]
context: { business: A shop., item: [options] }
input:
  type: object
  properties:
    prompt: { type: string, minLength: 1 }
    options: { type: array, items: { type: string } }
    tone: { type: string, enum: [short, long], default: short }
  required: [prompt, options]
output:
  type: object
  properties: { decision: { type: string, x-enumFrom: options }, reasoning: { type: string } }
  required: [decision, reasoning]
  additionalProperties: false
unusable: no_decision
limits: { timeout: 5s, callsPerMinute: 40 }
`;
const code = (source: string): FileSet => chatWorkspace({ "agents/judge.yaml": AGENT, "services/decide.ts": source, "services/lib/parts.ts": PARTS });

async function said(source: string, by = define): Promise<string[]> {
  const { files, problems } = await withDefined(code(source), { inForce: new Map(), define: by });
  const parsed = parseWorkspace(files);
  return [...problems, ...(parsed.kind === "problems" ? parsed.problems : [])].map(
    ({ file, line, column, seen, hint }) => `${file}:${line}:${column} ${seen}${hint === undefined ? "" : ` ${hint}`}`,
  );
}

test("a service in TypeScript is the same as its file in YAML, and answers the same", async (t) => {
  const { files, problems } = await withDefined(code(TYPESCRIPT), { inForce: new Map(), define });
  assert.deepEqual(problems, []);
  const servicesOf = (all: FileSet) => {
    const parsed = parseWorkspace(all);
    assert.ok(parsed.kind === "ok", JSON.stringify(parsed));
    return parsed.workspace.services;
  };
  const yaml = servicesOf(chatWorkspace({ "agents/judge.yaml": AGENT, "services/decide.yaml": YAML }));
  assert.deepEqual(servicesOf(files), [{ ...yaml[0]!, source: "services/decide.ts" }]);

  const { call } = await serviceFixture(t, { files, model: scriptedModel(() => sayObject({ decision: "sell", reasoning: "new" })) });
  const answered = await call("/decide_it", { prompt: "Which?", options: ["keep", "sell"] });
  const refused = await call("/decide_it", { prompt: "", options: "keep", tone: "loud" });
  assert.deepEqual([answered.status, answered.body], [200, { decision: "sell", reasoning: "new" }]);
  assert.deepEqual(
    [refused.status, refused.body.detail.map(({ loc }: { loc: string[] }) => loc.join("."))],
    [422, ["body.prompt", "body.options", "body.tone"]],
  );
});

test("the two examples of docs/services.md mean the same", async () => {
  const text = await readFile(join(dirname(import.meta.dirname), "docs", "services.md"), "utf8");
  const [, yaml = ""] = /```yaml\n([^]*?)```/.exec(text) ?? [];
  const [, typescript = ""] = /```ts\n([^]*?)```/.exec(text) ?? [];
  const agents = { "agents/decider.yaml": AGENT.replace("judge", "decider") };
  const services = async (file: string, source: string) => {
    const { files, problems } = await withDefined(chatWorkspace({ ...agents, [file]: source }), { inForce: new Map(), define });
    const parsed = parseWorkspace(files);
    assert.ok(parsed.kind === "ok" && problems.length === 0, JSON.stringify([parsed, problems]));
    return parsed.workspace.services;
  };
  const [inYaml] = await services("services/decide.yaml", yaml);
  assert.deepEqual(await services("services/decide.ts", typescript), [{ ...inYaml!, source: "services/decide.ts" }]);
});

test("what is wrong with a service in TypeScript is told with its file, its line and the nearest known name", async () => {
  const replaced = (from: string, to: string): string => TYPESCRIPT.replace(from, to);
  const expected: readonly (readonly [source: string, words: RegExp])[] = [
    [replaced("unusable:", "unusble:"), /^services\/decide\.ts:12:3 the unknown field unusble Did you mean unusable\?$/],
    [replaced('agents: ["judge"]', 'agents: ["jugde"]'), /^services\/decide\.ts:8:3 the agent jugde, which is nowhere described Did you mean judge\?$/],
    [replaced('timeout: "5s"', "timeout: 5"), /^services\/decide\.ts:13:3 5$/],
    [replaced("min(1)", 'refine((text) => text !== "x")'), /^services\/decide\.ts:4:1 .*input of decide: a check in code/],
    [replaced("z.array(z.string())", "z.date()"), /^services\/decide\.ts:4:1 .*input of decide: .*cannot be represented/],
    [replaced("input: z.object", "input: String, extra: z.object"), /^services\/decide\.ts:4:1 .*input of decide: expected a schema/],
    ["export const nothing = 1;\n", /^services\/decide\.ts:1:1 it exports nothing that defineService gave$/],
    ["\nconst a = ;\n", /^services\/decide\.ts:2:1 .*Expression expected/s],
    [`import fs from "node:fs";\nexport default fs;\n`, /^services\/decide\.ts:1:1 .*imports "node:fs"\. Expected "loopwright", or a file of services\//],
    [
      `export const again = 1;\n${TYPESCRIPT}\nexport const twin = defineService({ name: "decide", startingAgent: "judge", agents: ["judge"] });\n`,
      /the service decide a second time/,
    ],
  ];
  for (const [source, words] of expected) {
    const all = await said(source);
    assert.equal(all.length, 1, `${source}\n${all.join("\n")}`);
    assert.match(all[0]!.replaceAll("services/decide.ts:4:8", "services/decide.ts:4:1"), words);
    assert.doesNotMatch(all[0]!, /\/tmp\/|loopwright-code/);
  }
});

test("the code of services/ runs in the sandbox, and without one only where the folder says so", { skip: inSandbox.ok ? false : inSandbox.why }, async () => {
  const nowhere = createBwrapSandbox({ searchPath: "/nowhere", platform: process.platform, isRoot: false, hidden: [] });
  assert.deepEqual(await said(TYPESCRIPT, definesServices({ sandbox: bwrap, off: nowhere })), []);
  const [refused] = await said(TYPESCRIPT, definesServices({ sandbox: nowhere, off: createSandboxOff() }));
  assert.match(refused!, /^services\/decide\.ts:1:1 Commands cannot be run apart from this machine/);
});

test("a plan says what a service in TypeScript brings, its code alone changes nothing until an apply, and a return brings the old one back", async (t) => {
  const at = await stage(t);
  const words = async (): Promise<string[]> => {
    const planned = await at.held.plan();
    assert.ok(planned.kind === "plan", JSON.stringify(planned));
    return planned.plan.power.map(({ effect, file, words: sentence }) => `${effect} ${file}: ${sentence}`);
  };
  const served = async () => (await at.workspaces.current()).workspace.services.map(({ name, path }) => `${name} ${path}`);

  await at.write("services/decide.ts", TYPESCRIPT);
  await at.write("services/lib/parts.ts", PARTS);
  assert.deepEqual(await words(), [
    "wider services/decide.ts: the service decide is a new endpoint at /decide_it and /v1/services/decide, answered by judge",
    "wider services/decide.ts: services/decide.ts is a new program that this workspace runs",
    "wider services/lib/parts.ts: services/lib/parts.ts is a new program that this workspace runs",
  ]);
  await at.following.look();
  assert.deepEqual(await served(), []);
  const wish = { by: at.owner, note: "", yes: true };
  const planned = await at.held.plan();
  assert.ok(planned.kind === "plan");
  const applied = await at.held.apply({ ...wish, digest: planned.digest });
  assert.ok(applied.kind === "applied" && applied.isNew);
  assert.deepEqual([await served(), at.ran()], [["decide /decide_it"], 3]);

  assert.deepEqual(await words(), []);
  assert.equal(at.ran(), 3, "code that is in force is not run again");
  await at.write("services/decide.ts", TYPESCRIPT.replace("/decide_it", "/choose"));
  await at.write("goals/live.md", "# Live\n");
  const taken = await at.following.look();
  assert.deepEqual(taken.kind === "taken" && [taken.live.map(({ file }) => file), taken.waiting.map(({ file }) => file)], [
    ["goals/live.md"],
    ["services/decide.ts"],
  ]);
  assert.deepEqual([await served(), at.ran()], [["decide /decide_it"], 3]);
  assert.deepEqual(await words(), [
    "wider services/decide.ts: the service decide now answers at /choose, was /decide_it",
    "wider services/decide.ts: the program services/decide.ts is another one",
  ]);
  await at.held.apply(wish);
  assert.deepEqual(await served(), ["decide /choose"]);

  const files = [...(await revisionFiles(at.db, applied.revision)).keys()];
  assert.ok(files.includes("services/decide.ts.json"));
  await at.held.rollback({ ...wish, target: applied.revision });
  assert.deepEqual([await served(), (await readdir(join(at.folder, "services"))).toSorted()], [["decide /decide_it"], ["decide.ts", "lib"]]);
  assert.deepEqual(await words(), []);

  await at.write("services/decide.ts.json", "{}");
  const forged = await at.held.plan();
  assert.ok(forged.kind === "problems");
  assert.match(forged.problems[0]!.seen, /a file that only an apply makes/);
});

async function stage(t: TestContext) {
  const { db } = await testDatabase(t);
  const clock = heldClock();
  const folder = await mkdtemp(join(tmpdir(), "loopwright-services-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const write = (path: string, text: string | Uint8Array): Promise<void> => writeFiles(folder, [[path, text]]);
  await writeFiles(folder, chatWorkspace({ "agents/judge.yaml": AGENT }));
  let count = 0;
  const counted: typeof define = (...given) => ((count += 1), define(...given));
  await applyFolder(db, clock, { folder, author: "system", note: "first", define: counted });
  const tookEffect = () => Promise.resolve();
  const following = followFolder({ db, clock, log: silentLog, folder, tookEffect });
  t.after(following.stop);
  const held = holdFolder({ db, clock, folder, following, define: counted, tookEffect });
  const owner = { ...(await makePrincipal(db, clock, { handle: "zoe", roles: ["owner"] })), scopes: ["*"] };
  return { db, folder, write, held, following, owner, workspaces: createWorkspaceView(db), ran: () => count };
}
