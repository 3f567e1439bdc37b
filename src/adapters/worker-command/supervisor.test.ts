import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, test, type TestContext } from "node:test";
import type { WorkerPort, WorkerStatus } from "#src/acts/ports/worker-port.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { processesSaying } from "#src/testing/sandbox-port.suite.ts";
import { type StatusFile, writeStatus } from "./status-file.ts";
import { asItIs, specOf } from "#src/testing/shell-worker.ts";
import { createCommandWorkers } from "./workers.ts";

const GRACE_MS = 400;

async function world(t: TestContext) {
  const base = await realpath(await mkdtemp(join(tmpdir(), "loopwright-workers-")));
  const folder = join(base, "workers");
  const server = (): WorkerPort => createCommandWorkers({ folder, clock: systemClock, host: "here", readable: [], sandbox: () => Promise.resolve(asItIs) });
  const port = server();
  t.after(async () => {
    for (const { key } of await port.list().catch(() => [])) await port.stop(key, 0);
    await rm(base, { recursive: true, force: true });
  });
  const ended = async (key: string): Promise<WorkerStatus> => {
    for (;;) {
      const status = await port.find(key);
      if (status && status.endedAtMs !== null) return status;
      await pause(10);
    }
  };
  return { base, folder, port, server, ended };
}

const appears = async (file: string): Promise<void> => {
  while (!existsSync(file)) await pause(5);
};

/** Leaves one process in the background that ignores the end of its terminal, and one that left its session. Both have the folder in their arguments. */
const litter = (folder: string): string =>
  `(trap '' HUP TERM; sh -c 'trap "" HUP TERM; sleep 1000; : ${folder}') & setsid sh -c 'trap "" HUP TERM; sleep 1000; : ${folder}' & sleep 0.2; touch ${folder}/littered`;

describe("a worker under its supervisor", { timeout: 90_000 }, () => {
  test("how it ended is kept: by a code, by a signal of its own, and by a signal it answered with a code", async (t) => {
    const { base, port, ended } = await world(t);
    await port.start("code", specOf(base, "exit 41"));
    await port.start("signal", specOf(base, "kill -SEGV $$"));
    await port.start("polite", specOf(base, `trap 'exit 3' TERM; touch ${base}/ready; while :; do sleep 0.05; done`));
    await appears(join(base, "ready"));
    const polite = (await port.stop("polite", 10_000))!;
    const [code, signal] = [await ended("code"), await ended("signal")];
    assert.deepEqual(
      [code, signal, polite].map(({ state, exitCode, signal: by }) => [state, exitCode, by]),
      [
        ["exited", 41, null],
        ["killed", null, "SIGSEGV"],
        ["killed", 3, null],
      ],
    );
  });

  test("all that it started ends with it, also what ignores signals or left its session", async (t) => {
    const { base, port, ended } = await world(t);
    await port.start("stopped", specOf(base, `${litter(base)}; wait`));
    await appears(join(base, "littered"));
    assert.equal((await processesSaying(base)).filter((line) => line.includes("sleep 1000")).length >= 2, true);
    assert.equal((await port.stop("stopped", GRACE_MS))!.state, "killed");
    const mine = async () => (await processesSaying(base)).filter((line) => line.includes("sleep 1000"));
    assert.deepEqual(await mine(), []);
    await port.start("gone", specOf(base, `${litter(base)}; exit 0`));
    assert.equal((await ended("gone")).state, "exited");
    assert.deepEqual(await mine(), []);
  });

  test("a flood is kept up to its cap, its end is there, and the worker is not held up", async (t) => {
    const { base, folder, port, ended } = await world(t);
    await port.start("flood", specOf(base, "yes 'a line of a flood' | head -c 40000000; echo; echo last words"));
    assert.equal((await ended("flood")).exitCode, 0);
    const files = await readdir(join(folder, "flood", "terminal"));
    const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, "flood", "terminal", file))).size));
    const kept = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(kept >= 5 * 1_048_576 && kept <= 10 * 1_048_576, String(kept));
    assert.match(await port.log("flood", 40), /a line of a flood\n.*\nlast words\n$/);
    assert.equal((await port.log("flood", 200_000)).length, 200_000);
  });

  test("its terminal has the size it was given, and a program that draws is seen as it looks", async (t) => {
    const { base, port, ended } = await world(t);
    const size = { columns: 100, rows: 30 };
    await port.start("size", specOf(base, "stty size; tty -s && echo a terminal; echo $TERM", { size }));
    await ended("size");
    assert.equal(await port.log("size", 1_000), "30 100\na terminal\nxterm-256color\n");
    const drawing = String.raw`printf 'gone\033[?1049h\033[2J\033[3;5H\033[31mred 冷氣\033[0m\033[30;1Hlast line\033]0;a title\007'; touch drawn; sleep 60`;
    await port.start("draws", specOf(base, drawing, { size }));
    await appears(join(base, "drawn"));
    const screen = await port.screen("draws");
    assert.deepEqual([screen.length, screen[2], screen[29]], [30, "    red 冷氣", "last line"]);
    assert.equal(screen.join("").includes("gone"), false, "the other screen is not shown");
    assert.equal(await port.log("draws", 1_000), "gonered 冷氣last line");
  });

  test("its credential stands on no command line, in no file, and not in its supervisor's environment", async (t) => {
    const { base, folder, port } = await world(t);
    const canary = "canary-0d1c5a";
    const env = { PATH: "/usr/bin:/bin", LOOP_TOKEN: canary };
    const { pid } = await port.start("secret", specOf(base, `touch ready; [ "$LOOP_TOKEN" = ${"canary-"}0d1c5a ] && touch seen; sleep 60`, { env }));
    await appears(join(base, "seen"));
    assert.deepEqual(await processesSaying(`LOOP_TOKEN=${canary}`), []);
    assert.equal((await readFile(`/proc/${pid}/environ`, "utf8")).includes(canary), false);
    for (const file of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (file.isFile()) assert.equal((await readFile(join(file.parentPath, file.name), "utf8")).includes(canary), false, file.name);
    }
    assert.equal((await stat(join(folder, "secret"))).mode & 0o777, 0o700);
  });

  test("two servers that start the same worker at once start one", async (t) => {
    const { base, port, server, folder } = await world(t);
    const starts = Array.from({ length: 6 }, () => server().start("one", specOf(base, `echo x >> ${base}/starts; sleep 60`)));
    const pids = new Set((await Promise.all(starts)).map(({ pid }) => pid));
    assert.equal(pids.size, 1);
    await appears(join(base, "starts"));
    assert.equal(await readFile(join(base, "starts"), "utf8"), "x\n");
    assert.deepEqual(await readdir(folder), ["one"]);
    assert.equal((await port.list()).length, 1);
  });

  test("a program that is not installed is named with the line that installs it", async (t) => {
    const { base, port } = await world(t);
    const missing = (program: string) => port.start("x", specOf(base, "", { argv: [program, "-p"], env: { PATH: base } }));
    await assert.rejects(missing("claude"), { code: "worker_unavailable", message: /claude .*`npm install -g @anthropic-ai\/claude-code`/ });
    await assert.rejects(missing("codex"), /`npm install -g @openai\/codex`/);
    await writeFile(join(base, "text"), "text");
    await assert.rejects(missing("./text"), { code: "worker_unavailable", message: /\.\/text/ });
  });
});

describe("when processes die", { timeout: 90_000 }, () => {
  test("a worker outlives the server that started it, and the next one finds, reads and stops it", async (t) => {
    const { base, folder, port } = await world(t);
    const script = `echo begun; while [ ! -e ${base}/go ]; do sleep 0.05; done; echo after the server; touch ${base}/said; sleep 60`;
    const child = join(import.meta.dirname, "..", "..", "testing", "worker-owner-child.ts");
    const first = spawn(process.execPath, [child, folder, "act_1", script], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(first.stdout, "data")) as [Buffer];
    const started = JSON.parse(line.toString()) as WorkerStatus;
    first.kill("SIGKILL");
    await once(first, "exit");
    await writeFile(join(base, "go"), "");
    await appears(join(base, "said"));
    assert.deepEqual(
      (await port.list()).map(({ key, pid, state }) => [key, pid, state]),
      [["act_1", started.pid, "running"]],
    );
    while (!(await port.log("act_1", 1_000)).includes("after")) await pause(10);
    assert.equal(await port.log("act_1", 1_000), "begun\nafter the server\n");
    assert.equal((await port.stop("act_1", 10_000))!.signal, "SIGTERM");
  });

  test("a supervisor that is killed leaves its worker lost, and nothing of it running", async (t) => {
    const { base, port } = await world(t);
    const { pid } = await port.start("act_1", specOf(base, `${litter(base)}; trap '' HUP; while :; do sleep 0.1; done`));
    await appears(join(base, "littered"));
    const told = Promise.withResolvers<void>();
    t.after(port.watch((key) => void port.find(key).then((status) => status!.state === "lost" && told.resolve())));
    process.kill(pid, "SIGKILL");
    await told.promise;
    const lost = (await port.find("act_1"))!;
    assert.deepEqual([lost.state, lost.exitCode, lost.signal], ["lost", null, null]);
    assert.ok(lost.endedAtMs! >= lost.startedAtMs);
    assert.deepEqual(
      (await processesSaying(base)).filter((line) => line.includes("sleep")),
      [],
    );
    assert.equal((await port.start("act_1", specOf(base, "true"))).state, "lost", "it is not begun again under the same key");
    await port.forget("act_1");
    assert.equal((await port.start("act_1", specOf(base, "sleep 60"))).state, "running");
  });

  test("another process with the number of a dead supervisor or worker is left alone", async (t) => {
    const { folder, port } = await world(t);
    const bystander = spawn("sleep", ["60"], { stdio: "ignore" });
    t.after(() => bystander.kill("SIGKILL"));
    const reused = { processId: bystander.pid!, began: "1" };
    await mkdir(join(folder, "act_1"), { recursive: true });
    writeStatus(join(folder, "act_1", "status.json"), { ...fileOf("act_1", "running"), supervisor: reused, leader: reused });
    assert.equal((await port.find("act_1"))!.state, "lost");
    assert.equal(bystander.exitCode ?? bystander.signalCode, null);
    assert.equal(process.kill(bystander.pid!, 0), true);
  });

  test("a server that died before its supervisor came leaves a start that no supervisor can take any more", async (t) => {
    const { folder, port } = await world(t);
    await mkdir(join(folder, "act_1"), { recursive: true });
    writeStatus(join(folder, "act_1", "status.json"), fileOf("act_1", "starting"));
    assert.equal((await port.list())[0]!.state, "lost");
    assert.equal(await readFile(join(folder, "act_1", "decided"), "utf8"), "given up\n");
  });

  test("half a status is not taken for an end: nobody can say who lives", async (t) => {
    const { base, folder, port } = await world(t);
    await port.start("act_1", specOf(base, "sleep 60"));
    const file = join(folder, "act_1", "status.json");
    const whole = await readFile(file, "utf8");
    await writeFile(file, whole.slice(0, 40));
    await assert.rejects(port.list(), { code: "worker_unavailable", message: /status\.json/ });
    await writeFile(file, whole);
    assert.equal((await port.list())[0]!.state, "running");
  });
});

test("eight workers at once are eight small supervisors", { timeout: 60_000 }, async (t) => {
  const { base, port } = await world(t);
  const started = await Promise.all(Array.from({ length: 8 }, (_, at) => port.start(`act_${at}`, specOf(base, `echo ${at}; sleep 60`))));
  assert.deepEqual(new Set((await port.list()).map(({ state }) => state)), new Set(["running"]));
  const own = await Promise.all(started.map(({ pid }) => ownMemoryMb(pid)));
  t.diagnostic(`memory of a supervisor's own: ${Math.max(...own)} MB at most`);
  assert.ok(Math.max(...own) < 60, own.join(", "));
  const stops = await Promise.all(started.map(({ key }) => port.stop(key, 10_000)));
  assert.deepEqual(new Set(stops.map((status) => status!.state)), new Set(["killed"]));
});

/** What it shares with no other process. From source, a third of it is the stripping of types, which the package does not need. */
async function ownMemoryMb(processId: number): Promise<number> {
  const text = await readFile(`/proc/${processId}/smaps_rollup`, "utf8").catch(() => "");
  return Math.round(Number(/^Private_Dirty: +(\d+) kB/m.exec(text)?.[1] ?? 0) / 1_024);
}

const fileOf = (key: string, state: StatusFile["state"]): StatusFile => ({
  key,
  name: key,
  host: "here",
  state,
  supervisor: { processId: 2 ** 22 + 1, began: "1" },
  leader: null,
  mark: "LOOP_WORKER_MARK=none-of-this-test",
  exitCode: null,
  signal: null,
  startedAtMs: 1,
  endedAtMs: null,
  sandbox: "off",
  size: { columns: 80, rows: 24 },
});
