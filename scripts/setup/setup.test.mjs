import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { withoutEchoes } from "./child.mjs";
import { explain } from "./npm-failure.mjs";
import { allows, readLock, whatIsNeeded, writeStamp } from "./tree.mjs";

const PACKAGES = {
  "": { name: "it" },
  "node_modules/pg": { version: "8.0.0" },
  "node_modules/knip": { version: "6.0.0", dev: true },
  "node_modules/made-for-here": { version: "1.0.0", optional: true, os: [process.platform], cpu: [process.arch] },
  "node_modules/made-for-others": { version: "1.0.0", optional: true, os: [`!${process.platform}`] },
  "node_modules/needed-by-others": { version: "1.0.0", optional: true },
};

function checkout(t) {
  const root = mkdtempSync(join(tmpdir(), "loop é "));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages: PACKAGES }));
  return root;
}

/** As npm leaves it. */
function installByHand(root, paths) {
  for (const path of paths) {
    mkdirSync(join(root, path), { recursive: true });
    writeFileSync(join(root, path, "package.json"), "{}");
  }
  const packages = Object.fromEntries(paths.map((path) => [path, PACKAGES[path]]));
  writeFileSync(join(root, "node_modules", ".package-lock.json"), JSON.stringify({ packages }));
}

test("a tree has the packages that this machine needs, without development ones for a start", (t) => {
  const root = checkout(t);
  assert.deepEqual([...readLock(root, "start").versions.keys()], ["node_modules/pg", "node_modules/made-for-here"]);
  assert.deepEqual([...readLock(root, "full").versions.keys()], ["node_modules/pg", "node_modules/knip", "node_modules/made-for-here"]);
});

test("everything is installed where nothing is, and nothing where it was", (t) => {
  const root = checkout(t);
  const lock = readLock(root, "start");
  assert.equal(whatIsNeeded(root, lock), "all");
  writeStamp(root, lock);
  assert.equal(whatIsNeeded(root, lock), "nothing");
});

test("development packages are added to the tree of a start, and the full tree serves a start", (t) => {
  const root = checkout(t);
  writeStamp(root, readLock(root, "start"));
  assert.equal(whatIsNeeded(root, readLock(root, "full")), "add");
  writeStamp(root, readLock(root, "full"));
  assert.equal(whatIsNeeded(root, readLock(root, "start")), "nothing");
});

test("another lock file installs everything anew", (t) => {
  const root = checkout(t);
  writeStamp(root, readLock(root, "full"));
  writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages: { ...PACKAGES, "node_modules/pg": { version: "8.0.1" } } }));
  assert.equal(whatIsNeeded(root, readLock(root, "full")), "all");
});

test("what a person installed by hand is taken as it is, unless something is missing", (t) => {
  const root = checkout(t);
  installByHand(root, ["node_modules/pg", "node_modules/made-for-here"]);
  assert.equal(whatIsNeeded(root, readLock(root, "start")), "record");
  assert.equal(whatIsNeeded(root, readLock(root, "full")), "all");
  rmSync(join(root, "node_modules/pg"), { recursive: true });
  assert.equal(whatIsNeeded(root, readLock(root, "start")), "all");
});

test("npm's lists of systems are read as npm reads them", () => {
  const seen = [undefined, "linux", ["linux", "darwin"], ["win32"], ["!win32"], ["!linux"]].map((list) => allows(list, "linux"));
  assert.deepEqual(seen, [true, true, true, false, true, false]);
});

for (const [output, cause] of [
  ["npm error code EAI_AGAIN\nnpm error request to https://packages.example/zod failed", /could not be reached \(EAI_AGAIN\).*offline/],
  ["npm error code ENOSPC", /disk is full/],
  ["npm error   code: 'EACCES',", /may not write .*\(EACCES\)/],
  ["npm error code EUSAGE", /do not agree/],
  ["npm error code E404", /does not have one of the packages \(E404\)/],
  ["npm error something new", /in npm's lines above/],
]) {
  test(`a failure of npm is explained: ${output.split("\n")[0]}`, () => assert.match(explain(output), cause));
}

test("a problem is one line without a stack, and the exit code is that of a failure", async () => {
  const script = join(import.meta.dirname, "..", "setup.mjs");
  const child = spawn(process.execPath, [script, "strat"], { stdio: ["ignore", "pipe", "pipe"] });
  const [code, said] = await Promise.all([new Promise((resolve) => child.on("exit", resolve)), textOf(child.stderr)]);
  assert.deepEqual({ code, said }, { code: 1, said: "Expected one of start, test, check, bench, trials, run; got strat.\n" });
});

const PROGRAM = `
  let times = 0;
  process.on("SIGINT", () => process.stdout.write("got " + (times += 1) + "\\n"));
  process.on("SIGTERM", () => process.exit(7));
  setInterval(() => {}, 1_000);
  process.stdout.write("ready\\n");`;

test("one Ctrl-C that comes from the terminal and from npm counts once, and a second one that is meant counts too", () => {
  let nowMs = 1_000;
  const isNew = withoutEchoes(() => nowMs);
  const seen = [0, 20, 100, 600, 30].map((laterMs) => {
    nowMs += laterMs;
    return isNew("SIGINT");
  });
  assert.deepEqual({ seen, other: isNew("SIGTERM") }, { seen: [true, false, false, true, false], other: true });
});

test("a signal reaches the program that runs in a session of its own, and its exit code comes back", async () => {
  const child = join(import.meta.dirname, "child.mjs");
  const parent = `import { runToTheEnd } from ${JSON.stringify(child)}; process.exit(await runToTheEnd(process.execPath, ["-e", ${JSON.stringify(PROGRAM)}], {}));`;
  const running = spawn(process.execPath, ["--input-type=module", "-e", parent], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => running.on("exit", resolve));
  let said = "";
  for await (const piece of running.stdout.setEncoding("utf8")) {
    said += piece;
    if (said === "ready\n") running.kill("SIGINT");
    if (said.endsWith("got 1\n")) running.kill("SIGTERM");
  }
  assert.deepEqual({ said, code: await ended }, { said: "ready\ngot 1\n", code: 7 });
});

async function textOf(stream) {
  let text = "";
  for await (const piece of stream.setEncoding("utf8")) text += piece;
  return text;
}

test("the stamp is beside the packages, so that it goes when they go", (t) => {
  const root = checkout(t);
  const lock = readLock(root, "full");
  writeStamp(root, lock);
  const stamp = JSON.parse(readFileSync(join(root, "node_modules", ".loopwright-setup.json"), "utf8"));
  assert.deepEqual(stamp, { lock: lock.digest, tree: "full", platform: `${process.platform}-${process.arch}` });
});
