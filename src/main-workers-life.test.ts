import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, realpath, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import { createBwrapSandbox } from "#src/adapters/sandbox-bwrap/sandbox.ts";
import { PROGRAM_FOLDER } from "#src/main-workers.ts";
import { testDatabase } from "#src/testing/database.ts";
import { startServer, temporaryHome } from "#src/testing/server.ts";

const options = { searchPath: process.env["PATH"] ?? "", platform: process.platform, isRoot: process.getuid?.() === 0, osHome: homedir(), hidden: [] };
const sandbox = await createBwrapSandbox(options).available();
const WITHIN_MS = 60_000;

const AGENT = `apiVersion: loopwright.dev/v1
kind: Agent
name: coder
runner: command
command: { preset: custom, run: "/bin/sh $LOOP_WORKSPACE/worker.sh {{prompt_file}}" }
`;

/** Asks, says what it heard and what it spent, and leaves a report and a file in its folder. */
const WORKER = `grep -c 'You are the worker' "$1"
"$LOOP_BIN" _ ask --prompt 'Merge it?' --options yes,no
"$LOOP_BIN" _ cost worker "$LOOP_SESSION_ID" fake 0.25
"$LOOP_BIN" _ ask other --prompt 'May I?' ; echo "code $?"
echo done > made; echo report > "$LOOP_REPORTS_DIR/fix-login.md"
`;

interface Typed {
  readonly code: number;
  readonly out: string;
}

test(
  "a worker asks, its server is killed, the next one takes the answer, and what it did is checked",
  { skip: sandbox.ok ? false : sandbox.why, timeout: 180_000 },
  async (t) => {
    const { url } = await testDatabase(t);
    const home = await realpath(await temporaryHome(t));
    await writeFile(join(home, "workspace", "agents", "coder.yaml"), AGENT);
    await writeFile(join(home, "workspace", "worker.sh"), WORKER);
    const loop = (...args: string[]) => typed(home, args);
    const first = await startServer(t, home, { DATABASE_URL: url });
    endWorkersAfter(t, loop);
    assert.deepEqual(await loop("_", "worker", "start", "fix-login", "Mend the login.", "--verify", "test -f made"), {
      code: 0,
      out: "start-worker fix-login",
    });
    assert.match((await loop("_", "worker", "start", "fix-login", "again")).out, /worker fix-login is already running/);
    await until(async () => (await loop("_", "asks")).out === "⚑ fix-login-1 (fix-login): Merge it? [yes, no]");
    assert.match(
      (await loop("_", "worker", "list")).out,
      /^ID +HEALTH +STATE +IDLE +UP +ASK +VERIFY\nfix-login +waiting-ask +running .+ fix-login-1 +pending$/,
    );
    assert.equal((await loop("_", "tell", "fix-login", "look", "left")).out, "told fix-login");

    await first.kill("SIGKILL");
    const second = await startServer(t, home, { DATABASE_URL: url });
    assert.match((await loop("_", "answer", "fix-login-1", "maybe")).out, /Expected one of: yes, no/);
    assert.deepEqual(await loop("_", "answer", "fix-login-1", "yes"), { code: 0, out: "answered fix-login-1: yes" });
    assert.equal((await loop("_", "answer", "fix-login-1", "no")).code, 1);
    await until(async () => /dead +exited 0 .+ passed$/.test((await loop("_", "worker", "list", "-a")).out));
    const log = (await loop("_", "worker", "log", "fix-login")).out;
    assert.match(log, /^1\nyes\ntold: look left\ncost worker fix-login fake \$0\.25\n/);
    assert.match(log, /fix-login is a worker and may do this only for itself[^]*code 1/);
    assert.equal(await readFile(join(home, "workspace", "reports", "fix-login.md"), "utf8"), "report\n");
    assert.match((await loop("ticket", "1")).out, /resolved/);
    await second.kill("SIGTERM");
  },
);

function typed(home: string, args: readonly string[]): Promise<Typed> {
  const env = { PATH: process.env["PATH"] ?? "", HOME: homedir(), LOOP_HOME: home };
  return new Promise((resolve) => {
    execFile(join(PROGRAM_FOLDER, "bin", "loop"), args, { env }, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), out: (stdout + stderr).trimEnd() }),
    );
  });
}

function endWorkersAfter(t: TestContext, loop: (...args: string[]) => Promise<Typed>): void {
  t.after(async () => void (await loop("down", "--force")));
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + WITHIN_MS; !(await isSo()); await pause(100))
    assert.ok(performance.now() < deadline, "it did not come about in time");
}
