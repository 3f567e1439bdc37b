// What npm would publish, installed as a stranger installs it: packs, installs into an empty project, imports and runs it there, and leaves nothing behind.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const QUIET = ["--loglevel=error", "--no-audit", "--no-fund", "--no-update-notifier"];
const PROGRAM = `
  import { heldClock, scriptedModel, say, startServer } from "loopwright/testing";
  import { LoopError } from "loopwright";
  const clock = heldClock(0);
  clock.advance(1_000);
  const model = scriptedModel([say("hello")]);
  const call = { model: "scripted:one", system: "", messages: [], tools: [], maxOutputTokens: 8 };
  const result = await model.generate(call, { signal: new AbortController().signal });
  console.log(clock.nowMs(), result.answer.text, new LoopError("input_invalid", "told").httpStatus, typeof startServer);`;

/** A tool of a workspace, described and called by the code that was installed, as a server would do it. */
const TOOL_PROGRAM = `
  import { dirname, join } from "node:path";
  import { pathToFileURL } from "node:url";
  const dist = dirname(dirname(process.getBuiltinModule("node:module").createRequire(join(process.cwd(), "x.js")).resolve("loopwright")));
  const load = (path) => import(pathToFileURL(join(dist, path)).href);
  const { codeTools } = await load("adapters/tool-code/tools.js");
  const { createSandboxOff } = await load("adapters/sandbox-off/sandbox.js");
  const source = 'import { defineTool, z } from "loopwright"; export default defineTool({ name: "double", description: "Doubles.", input: z.object({ n: z.number() }), effect: "read", run: ({ n }: { n: number }) => n * 2 });';
  const files = new Map([["tools/sums.ts", new TextEncoder().encode(source)]]);
  const server = { name: "sums", tools: {}, from: { by: "code", file: "tools/sums.ts", digest: "d" }, limits: { timeout: 20000, maxResultBytes: 10000 } };
  const tools = codeTools(server, { log: { warn: (...said) => console.error(...said) }, sandbox: async () => createSandboxOff(), code: async () => ({ files, digest: "d" }) });
  await tools.refresh();
  const [tool] = tools.list();
  console.log(tool?.name, tool && (await tool.invoke({ n: 21 }, { actKey: "k", signal: new AbortController().signal })));
  await tools.close();`;

/** A service of a workspace in TypeScript, as an apply reads it. */
const SERVICE_PROGRAM = `
  import { dirname, join } from "node:path";
  import { pathToFileURL } from "node:url";
  const dist = dirname(dirname(process.getBuiltinModule("node:module").createRequire(join(process.cwd(), "x.js")).resolve("loopwright")));
  const load = (path) => import(pathToFileURL(join(dist, path)).href);
  const { definesServices } = await load("adapters/tool-code/services.js");
  const { createSandboxOff } = await load("adapters/sandbox-off/sandbox.js");
  const source = 'import { defineService, z } from "loopwright"; export default defineService({ name: "hello", startingAgent: "clerk", agents: ["clerk"], input: z.object({ text: z.string() }) });';
  const files = new Map([["services/hello.ts", new TextEncoder().encode(source)]]);
  const define = definesServices({ sandbox: createSandboxOff(), off: createSandboxOff() });
  const { services, why } = await define("services/hello.ts", files, { noSandbox: true });
  console.log(why ?? services.map(({ line, manifest }) => [line, manifest.kind, manifest.name, manifest.input.required].join(" ")).join());`;

const { version }: { version: string } = JSON.parse(readFileSync("package.json", "utf8"));
const hadDist = existsSync("dist");
const folder = mkdtempSync(join(tmpdir(), "loopwright-tarball-"));
try {
  const packed: { filename: string; size: number; entryCount: number }[] = JSON.parse(
    npm(resolve("."), ["pack", "--json", "--ignore-scripts=false", `--pack-destination=${folder}`]),
  );
  const { filename, size, entryCount } = packed[0]!;
  console.log(`packed ${filename}: ${entryCount} files, ${Math.round(size / 1_000)} kB`);
  install(join(folder, filename));
  expect("import loopwright/testing", run(join("node_modules", ".bin", "node"), ["--input-type=module", "-e", PROGRAM]), "1000 hello 422 function");
  expect("a tool in TypeScript", run(join("node_modules", ".bin", "node"), ["--input-type=module", "-e", TOOL_PROGRAM]), "sums.double 42");
  expect("a service in TypeScript", run(join("node_modules", ".bin", "node"), ["--input-type=module", "-e", SERVICE_PROGRAM]), "1 Service hello text");
  expect("loopwright --version", run(join("node_modules", ".bin", "loopwright"), ["--version"]), version);
  expect("loop --version", run(join("node_modules", ".bin", "loop"), ["--version"]), version);
} finally {
  rmSync(folder, { recursive: true, force: true });
  if (!hadDist) rmSync("dist", { recursive: true, force: true });
}

function install(tarball: string): void {
  const startedMs = performance.now();
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }));
  npm(folder, ["install", "--prefer-offline", "--ignore-scripts", tarball]);
  console.log(`installed into an empty project in ${Math.round((performance.now() - startedMs) / 1_000)} s`);
}

function npm(cwd: string, args: readonly string[]): string {
  return output("npm", [...args, ...QUIET], cwd);
}

function run(program: string, args: readonly string[]): string {
  return output(join(folder, program), args, folder).trim();
}

function output(program: string, args: readonly string[], cwd: string): string {
  const { status, stdout, error } = spawnSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  if (status !== 0) throw new Error(`${program} ${args[0] ?? ""} failed (exit ${status ?? error?.message}); what it said is above`);
  return stdout;
}

function expect(what: string, seen: string, expected: string): void {
  if (!` ${seen.replaceAll(/\s+/g, " ")} `.includes(` ${expected} `)) throw new Error(`${what}: expected ${expected}, got ${seen}`);
  console.log(`${what}: ${seen}`);
}
