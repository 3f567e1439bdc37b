// One Postgres for the whole run, then node's test runner over the files that were asked for: all but the kill sweeps, or those whose path has one of the words
// given. A sweep kills a process at each of its steps, which takes minutes: CI runs them beside the others, with the word `sweep`.
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join, normalize, sep } from "node:path";
import { launchPostgres } from "#src/database/launch.ts";
import { silentLog } from "#src/testing/silent-log.ts";

const FILES = ["src/**/*.test.ts", "scripts/**/*.test.{ts,mjs}"];
const ENDS_THE_RUN = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const given = process.argv.slice(2);
const options = given.filter((word) => word.startsWith("-"));
const words = given.filter((word) => !word.startsWith("-")).map((word) => normalize(word));
const files = globSync(FILES)
  .filter((file) => (words.length === 0 ? !file.endsWith("-sweep.test.ts") : words.some((word) => file.includes(word.split(sep).join("/")))))
  .toSorted();
if (files.length === 0) {
  console.error(`No test file has ${words.join(" or ")} in its path. Expected a part of a path such as src/kernel or ids.test.ts.`);
  process.exit(1);
}

let tests: ReturnType<typeof spawn> | undefined;
let stoppedBy: (typeof ENDS_THE_RUN)[number] | undefined;
for (const signal of ENDS_THE_RUN) {
  process.on(signal, () => {
    stoppedBy = signal;
    tests?.kill(signal);
  });
}

const folder = await mkdtemp(join(tmpdir(), "loopwright-test-"));
try {
  await chmod(folder, 0o711); // Postgres never runs as root, and its user must get through
  const server = await launchPostgres({ folder: join(folder, "postgres"), log: silentLog, fsync: false });
  try {
    process.exitCode = await run(server.url);
  } finally {
    await server.stop();
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

function run(url: string): Promise<number> {
  if (stoppedBy !== undefined) return Promise.resolve(128 + constants.signals[stoppedBy]);
  const args = ["--test", "--test-concurrency=2", "--test-timeout=240000", "--test-reporter=spec", ...options, ...files];
  const child = spawn(process.execPath, args, { stdio: "inherit", env: { ...process.env, LOOP_TEST_DATABASE_URL: url } });
  tests = child;
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      const ended = signal ?? stoppedBy;
      resolve(ended === undefined ? (code ?? 1) : 128 + constants.signals[ended]);
    });
  });
}
