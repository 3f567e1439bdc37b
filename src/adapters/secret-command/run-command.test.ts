import assert from "node:assert/strict";
import { test } from "node:test";
import { runSecretCommand } from "./run-command.ts";

const PATH = "/usr/bin:/bin";
const run = (argv: readonly [string, ...string[]], more: { timeoutMs?: number; env?: Record<string, string> } = {}) =>
  runSecretCommand({ argv, env: { PATH, ...more.env }, timeoutMs: more.timeoutMs ?? 20_000, maxOutputBytes: 16 });

test("arguments are passed as they stand, and only the output is given", async () => {
  const answer = await run(["sh", "-c", 'printf %s "$1"; echo complaint >&2', "sh", "a;b $HOME"]);
  assert.deepEqual(answer, { started: true, exitCode: 0, timedOut: false, stdout: "a;b $HOME", truncated: false });
});

test("the environment is the given one", async () => {
  process.env["CANARY_OF_THE_SERVER"] = "canary";
  assert.deepEqual(await run(["env"], { env: { PATH: "/bin" } }), { started: true, exitCode: 0, timedOut: false, stdout: "PATH=/bin\n", truncated: false });
  delete process.env["CANARY_OF_THE_SERVER"];
});

test("failure, absence, too much output and too long a wait are answers", async () => {
  assert.deepEqual(await run(["sh", "-c", "echo half; exit 4"]), { started: true, exitCode: 4, timedOut: false, stdout: "half\n", truncated: false });
  assert.deepEqual(await run(["no-such-program"]), { started: false, why: "ENOENT" });
  assert.deepEqual(await run(["sh", "-c", "printf 12345678901234567"]), {
    started: true,
    exitCode: 0,
    timedOut: false,
    stdout: "1234567890123456",
    truncated: true,
  });
  assert.deepEqual(await run(["sh", "-c", "printf half; sleep 1000 & wait"], { timeoutMs: 100 }), {
    started: true,
    exitCode: null,
    timedOut: true,
    stdout: "half",
    truncated: false,
  });
});

test("a program that asks for a password finds nothing to read", async () => {
  assert.deepEqual(await run(["sh", "-c", "read answer; echo $?"]), { started: true, exitCode: 0, timedOut: false, stdout: "1\n", truncated: false });
});
