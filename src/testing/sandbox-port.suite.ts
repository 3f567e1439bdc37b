import assert from "node:assert/strict";
import { watch } from "node:fs";
import { access, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import type { SandboxCommand, SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import { LoopError } from "#src/kernel/errors.ts";

const PATH = "/usr/local/bin:/usr/bin:/bin";
const never = new AbortController().signal;

/** What every sandbox promises. `skip`: why it cannot run here. Needs a POSIX shell. */
export function sandboxPortSuite(name: string, make: () => SandboxPort, skip: string | false = false): void {
  describe(`the sandbox ${name}`, { skip }, () => {
    const port = make();
    contents(port);
    endings(port);
    refusals(port);
    goingOn(port);
  });
}

/** A folder to work in, by its real path, taken away after the test. */
export async function sandboxFolder(t: TestContext): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "loopwright-sandbox-")));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A command with ordinary limits that may write its folder. */
export const shell = (cwd: string, script: string, more: Partial<SandboxCommand> = {}): SandboxCommand => ({
  argv: ["/bin/sh", "-c", script],
  cwd,
  writable: [],
  env: { PATH },
  timeoutMs: 20_000,
  maxOutputBytes: 65_536,
  ...more,
});

function contents(port: SandboxPort): void {
  test("a program gets its arguments as they stand, and its exit code and both outputs come back", async (t) => {
    const cwd = await sandboxFolder(t);
    const argv = ["/bin/sh", "-c", 'printf "%s|" "$@"; echo no >&2; exit 3', "sh", "a b", "$HOME", ";", "'"] as const;
    assert.deepEqual(await port.run(shell(cwd, "", { argv }), never), {
      exitCode: 3,
      timedOut: false,
      stdout: "a b|$HOME|;|'|",
      stderr: "no\n",
      truncated: false,
    });
  });

  test("a program is found on the PATH that the command is given", async (t) => {
    const cwd = await sandboxFolder(t);
    assert.equal((await port.run(shell(cwd, "", { argv: ["sh", "-c", "echo here"] }), never)).stdout, "here\n");
  });

  test("it starts in its folder, may write there and in the other writable ones, and has nothing on its input", async (t) => {
    const cwd = await sandboxFolder(t);
    const other = await sandboxFolder(t);
    const result = await port.run(shell(cwd, `pwd; cat; echo one > made; echo two > ${other}/made`, { writable: [other] }), never);
    assert.deepEqual(result, { exitCode: 0, timedOut: false, stdout: `${cwd}\n`, stderr: "", truncated: false });
    assert.deepEqual([await readFile(join(cwd, "made"), "utf8"), await readFile(join(other, "made"), "utf8")], ["one\n", "two\n"]);
  });

  test("the environment is the given one: nothing of the server's is in it", async (t) => {
    const cwd = await sandboxFolder(t);
    process.env["CANARY_OF_THE_SERVER"] = "canary";
    t.after(() => delete process.env["CANARY_OF_THE_SERVER"]);
    const { stdout } = await port.run(shell(cwd, "", { argv: ["env", "-0"], env: { PATH, GIVEN: "two\nlines = $x", EMPTY: "" } }), never);
    const own = ["PWD=", "SANDBOX_RUN_ID="];
    const entries = stdout.split("\uFFFD").filter((entry) => entry !== "" && !own.some((prefix) => entry.startsWith(prefix)));
    assert.deepEqual(entries.toSorted(), ["EMPTY=", "GIVEN=two\nlines = $x", `PATH=${PATH}`]);
  });

  test("output beyond the limit is cut between characters, and the program is not held up by it", async (t) => {
    const cwd = await sandboxFolder(t);
    const result = await port.run(shell(cwd, "printf 'aéé'; head -c 3000000 /dev/zero >&2; echo end > end", { maxOutputBytes: 4 }), never);
    assert.deepEqual(result, { exitCode: 0, timedOut: false, stdout: "aé", stderr: "\uFFFD".repeat(4), truncated: true });
    await access(join(cwd, "end"));
  });

  test("output that just fits is not cut", async (t) => {
    const result = await port.run(shell(await sandboxFolder(t), "printf 1234", { maxOutputBytes: 4 }), never);
    assert.deepEqual(result, { exitCode: 0, timedOut: false, stdout: "1234", stderr: "", truncated: false });
  });

  test("what the command and its environment say is in no list of processes beside the command itself", async (t) => {
    const cwd = await sandboxFolder(t);
    const running = port.run(
      shell(cwd, "touch started; while [ ! -e seen ]; do sleep 0.01; done", { env: { PATH, TOKEN: "canary-in-the-environment" } }),
      never,
    );
    await appears(cwd, "started");
    const saying = await processesSaying("canary-in-the-environment");
    await writeFile(join(cwd, "seen"), "");
    assert.equal((await running).exitCode, 0);
    assert.deepEqual(saying, []);
  });
}

function endings(port: SandboxPort): void {
  /** Leaves a process of its own session and a stubborn one in the background, both with the mark in their arguments. */
  const litter = (mark: string) =>
    `trap '' TERM; setsid sh -c 'sleep 1000; : ${mark}' >/dev/null 2>&1 & sh -c 'trap "" TERM HUP; sleep 1000; : ${mark}' & touch started`;

  test("at the time limit the whole tree is gone, also what left the session", async (t) => {
    const cwd = await sandboxFolder(t);
    const result = await port.run(shell(cwd, `echo before; ${litter(cwd)}; wait`, { timeoutMs: 500 }), never);
    assert.deepEqual(result, { exitCode: null, timedOut: true, stdout: "before\n", stderr: "", truncated: false });
    await access(join(cwd, "started"));
    assert.deepEqual(await processesSaying(cwd), []);
  });

  test("an abort ends the whole tree, and is no time limit", async (t) => {
    const cwd = await sandboxFolder(t);
    const result = await port.run(shell(cwd, `${litter(cwd)}; wait`), stopWhen(cwd, "started"));
    assert.deepEqual(result, { exitCode: null, timedOut: false, stdout: "", stderr: "", truncated: false });
    assert.deepEqual(await processesSaying(cwd), []);
  });

  test("a command that was aborted before is not started", async (t) => {
    const cwd = await sandboxFolder(t);
    const result = await port.run(shell(cwd, "touch started"), AbortSignal.abort());
    assert.deepEqual(result, { exitCode: null, timedOut: false, stdout: "", stderr: "", truncated: false });
    assert.deepEqual(await readdir(cwd), []);
  });

  test("what a finished command leaves in the background is gone too, and is not waited for", async (t) => {
    const cwd = await sandboxFolder(t);
    const result = await port.run(shell(cwd, `${litter(cwd)}; exit 5`), never);
    assert.deepEqual(result, { exitCode: 5, timedOut: false, stdout: "", stderr: "", truncated: false });
    assert.deepEqual(await processesSaying(cwd), []);
  });

  test("a command that a signal ended did not succeed", async (t) => {
    const result = await port.run(shell(await sandboxFolder(t), "kill -9 $$"), never);
    assert.ok(result.exitCode === null || result.exitCode === 137);
    assert.equal(result.timedOut, false);
  });

  test("many commands at once do not disturb each other", async (t) => {
    const cwd = await sandboxFolder(t);
    const results = await Promise.all(Array.from({ length: 12 }, (_, at) => port.run(shell(cwd, `echo ${at}; exit ${at}`), never)));
    assert.deepEqual(
      results.map(({ exitCode, stdout }) => [exitCode, stdout]),
      results.map((_, at) => [at, `${at}\n`]),
    );
  });
}

function refusals(port: SandboxPort): void {
  test("a program that is not there, or is none, is an answer", async (t) => {
    const cwd = await sandboxFolder(t);
    await writeFile(join(cwd, "text"), "text", { mode: 0o644 });
    const missing = await port.run(shell(cwd, "", { argv: ["no-such-program", "x"] }), never);
    const unfit = await port.run(shell(cwd, "", { argv: [join(cwd, "text")] }), never);
    assert.deepEqual([missing.exitCode, unfit.exitCode], [127, 126]);
    assert.match(missing.stderr, /no-such-program/);
  });

  test("texts that no system can pass on are an answer, and nothing is started", async (t) => {
    const cwd = await sandboxFolder(t);
    const hostile = `x\0--bind\0/\0/`;
    const commands = [
      shell(cwd, `touch ${hostile}`),
      shell(cwd, "touch started", { env: { A: hostile } }),
      shell(cwd, "touch started", { env: { [hostile]: "a" } }),
      shell(cwd, "touch started", { env: { "A=B": "a" } }),
      shell(cwd, "touch started", { env: { "": "a" } }),
      shell(cwd, "touch started", { writable: [hostile] }),
      shell(cwd, `touch started; ${"x".repeat(3_000_000)}`),
    ];
    for (const command of commands) assert.equal((await port.run(command, never)).exitCode, 126);
    assert.deepEqual(await readdir(cwd), []);
  });

  test("a folder that is not there is refused by name", async (t) => {
    const cwd = await sandboxFolder(t);
    const gone = join(cwd, "gone");
    await assert.rejects(
      port.run(shell(gone, "true"), never),
      (error) => error instanceof LoopError && error.code === "sandbox_unavailable" && error.message.includes(gone),
    );
    await mkdir(gone);
    assert.equal((await port.run(shell(gone, "true"), never)).exitCode, 0);
  });
}

/** Resolves when a file of this name is in the folder. */
export async function appears(folder: string, file: string): Promise<void> {
  const seen = Promise.withResolvers<void>();
  const watcher = watch(folder, { persistent: false }, () => void present()); // must not keep a failed test alive
  const present = () =>
    access(join(folder, file)).then(
      () => seen.resolve(),
      () => undefined,
    );
  await present();
  await seen.promise;
  watcher.close();
}

function stopWhen(folder: string, file: string): AbortSignal {
  const controller = new AbortController();
  void appears(folder, file).then(() => controller.abort());
  return controller.signal;
}

/** Command lines of living processes of this machine that contain the text; none where there is no /proc. */
export async function processesSaying(text: string): Promise<readonly string[]> {
  const names = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(names.map((name) => readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "")));
  return lines.filter((line) => line.includes(text));
}

function goingOn(port: SandboxPort): void {
  test("a program that goes on answers as long as it runs, has its own environment only, and is gone with all that it started when it is stopped", async (t) => {
    const cwd = await sandboxFolder(t);
    const script = 'sleep 300 & echo "$TOLD:$HOME"; while read -r line; do echo "heard $line"; done';
    const command = { argv: ["/bin/sh", "-c", script] as const, cwd, writable: [cwd], env: { PATH, TOLD: "yes" }, network: false };
    const program = await port.start({ ...command, argv: [...command.argv] });
    let said = "";
    const heard = new Promise<void>((resolve) => {
      program.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString("utf8");
        if (said.includes("heard me")) resolve();
      });
    });
    program.stdin.write("me\n");
    await heard;
    assert.equal(said, "yes:\nheard me\n");
    await program.stop();
    assert.match(await program.ended, /^it (ended with exit code \d+|was ended by SIG\w+)$/);
    await program.stop();
  });

  test("a program that goes on reads its own folder, wherever that lies, and cannot write it unless that is named", async (t) => {
    const cwd = await sandboxFolder(t);
    await writeFile(join(cwd, "greeting"), "hello");
    const command = { cwd, env: { PATH }, network: false };
    const program = await port.start({ ...command, argv: ["/bin/cat", "greeting"], writable: [] });
    assert.equal(await textOf(program.stdout), "hello");
    if (port.name === "off") return; // nothing is kept from writing there
    const writing = await port.start({ ...command, argv: ["/bin/sh", "-c", "touch written && echo yes || echo no"], writable: [] });
    assert.equal((await textOf(writing.stdout)).trim(), "no");
  });

  test("a program that goes on and is not there says so, and one with a NUL in it is refused", async (t) => {
    const cwd = await sandboxFolder(t);
    const command = { cwd, writable: [], env: { PATH }, network: false };
    assert.match(await (await port.start({ ...command, argv: ["/no/such/program"] })).ended, /^(the program is not there|it ended with exit code \d+)$/);
    await assert.rejects(port.start({ ...command, argv: ["/bin/echo", "a\0b"] }), { code: "sandbox_unavailable" });
  });
}
