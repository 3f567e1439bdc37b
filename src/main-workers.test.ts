import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, test, type TestContext } from "node:test";
import { createBwrapSandbox } from "#src/adapters/sandbox-bwrap/sandbox.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { createRedactor } from "#src/kernel/redaction.ts";
import { PROGRAM_FOLDER, workersOf } from "#src/main-workers.ts";
import { testDatabase } from "#src/testing/database.ts";
import { processesSaying } from "#src/testing/sandbox-port.suite.ts";
import { startServer, temporaryHome } from "#src/testing/server.ts";
import { specOf } from "#src/testing/shell-worker.ts";

const OPTIONS = { searchPath: process.env["PATH"] ?? "", platform: process.platform, isRoot: process.getuid?.() === 0, osHome: homedir() };
const answer = await createBwrapSandbox({ ...OPTIONS, hidden: [] }).available();
const LOOP = join(PROGRAM_FOLDER, "bin", "loop");

describe("workers in the sandbox", { skip: answer.ok ? false : answer.why, timeout: 120_000 }, () => {
  test("a worker may write its folder and what it was given, reads the workspace, and sees nothing of the server's own", async (t) => {
    const { home, cwd, port, ended } = await world(t);
    const given = join(home, "workspace", "reports");
    await mkdir(given);
    for (const name of ["credentials.json", "root.json"]) await writeFile(join(home, name), "canary");
    const script = `
      echo mine > made; echo report > ${given}/made
      head -c 4 ${home}/workspace/loop.yaml >/dev/null && echo reads the workspace
      for place in ${home}/workspace/PLAYBOOK.md ${home}/workspace/goals/x.md ${home}/workspace/loop.yaml /etc/made /usr/made; do echo x 2>/dev/null > $place && echo "wrote $place"; done
      cat ${home}/credentials.json ${home}/root.json ${home}/workers/*/status.json 2>/dev/null && echo saw
      ls ${home}
      exit 4`;
    const status = await port.start("act_1", specOf(cwd, script, { writable: [given] }));
    assert.equal(status.sandbox, "bwrap");
    assert.equal((await ended("act_1")).exitCode, 4);
    assert.deepEqual((await port.log("act_1", 10_000)).split(/\s+/).filter(Boolean).toSorted(), "reads the workspace socket workspace".split(" ").toSorted());
    assert.deepEqual([await readFile(join(cwd, "made"), "utf8"), await readFile(join(given, "made"), "utf8")], ["mine\n", "report\n"]);
  });

  test("it has a terminal that leads a session of its own, its variables, and no network unless it was given", async (t) => {
    const { cwd, port, ended } = await world(t);
    const env = { PATH: "/usr/bin:/bin", LOOP_TOKEN: "canary-77aa", LD_LIBRARY_PATH: "/nowhere" };
    const script = "stty size; echo for the terminal > /dev/tty; touch made; echo $LOOP_TOKEN $LD_LIBRARY_PATH 1; sleep 60";
    await port.start("act_1", specOf(cwd, script, { env }));
    while (!(await port.log("act_1", 1_000)).endsWith(" 1\n")) await pause(10);
    assert.match(await port.log("act_1", 1_000), /^24 80\nfor the terminal\ncanary-77aa \/nowhere 1\n/m);
    assert.deepEqual(await processesSaying("canary-77aa"), []);
    assert.deepEqual(
      [(await port.stop("act_1", 10_000))!].map(({ state, signal }) => [state, signal]),
      [["killed", "SIGTERM"]],
    );
    await port.start("apart", specOf(cwd, "cat /proc/net/dev | grep -c :"));
    await port.start("online", specOf(cwd, "cat /proc/net/dev | grep -c :", { network: true }));
    await Promise.all([ended("apart"), ended("online")]);
    assert.equal(await port.log("apart", 100), "1\n", "the loopback of its own and no more");
    assert.equal(await port.log("online", 100), `${(await readFile("/proc/net/dev", "utf8")).split("\n").filter((line) => line.includes(":")).length}\n`);
  });

  test("a folder of the server's own is given to nobody, however it is written", async (t) => {
    const { home, cwd, port } = await world(t);
    for (const place of [home, join(home, "keys"), `${home}/workspace/../credentials.json`]) {
      await assert.rejects(port.start("act_1", specOf(cwd, "true", { writable: [place] })), { code: "worker_unavailable", message: /the server's own/ });
      await assert.rejects(port.start("act_1", specOf(place, "true")), { code: "worker_unavailable" });
    }
    assert.deepEqual(await port.list(), []);
  });

  test("a place of the account that is hidden from all others is there for the worker that it was given to", async (t) => {
    const account = await realpath(await mkdtemp(join(tmpdir(), "loopwright-account-")));
    t.after(() => rm(account, { recursive: true, force: true }));
    for (const place of [".claude", ".ssh"]) await mkdir(join(account, place));
    for (const place of [".claude/login", ".claude.json", ".ssh/key"]) await writeFile(join(account, place), "x\n");
    const { cwd, port, ended } = await world(t, account);
    const places = [".claude", ".claude.json", ".pi/agent", ".gone.json"].map((place) => join(account, place));
    const script = `cd ${account}; cat .claude/login .claude.json .ssh/key 2>/dev/null | wc -l; echo y > .claude/login && echo y >> .claude.json && echo y > .pi/agent/new && echo wrote; ls -A`;
    await port.start("mine", specOf(cwd, script, { writable: places }));
    await port.start("other", specOf(cwd, `cat ${account}/.claude/login ${account}/.claude.json 2>/dev/null | wc -l`, { readable: [account] }));
    await Promise.all([ended("mine"), ended("other")]);
    assert.equal(await port.log("mine", 1_000), "2\nwrote\n.claude  .claude.json  .pi  .ssh\n");
    assert.equal(await port.log("other", 1_000), "0\n");
    assert.equal(await readFile(join(account, ".claude.json"), "utf8"), "x\ny\n");
  });

  test("asked to end, its programs may clean up; by force, and when its supervisor is killed, all of it is gone", async (t) => {
    const { cwd, port } = await world(t);
    const polite = `trap 'echo bye > cleaned; exit 5' TERM; touch ready; while :; do sleep 0.05; done`;
    await port.start("polite", specOf(cwd, polite));
    while (!existsSync(join(cwd, "ready"))) await pause(10);
    const stopped = (await port.stop("polite", 10_000))!;
    assert.deepEqual([stopped.state, stopped.exitCode, await readFile(join(cwd, "cleaned"), "utf8")], ["killed", 5, "bye\n"]);
    const stubborn = `trap '' TERM HUP; setsid sh -c 'trap "" TERM HUP; sleep 999; : ${cwd}' & touch $0; while :; do sleep 0.05; done`;
    const start = async (key: string) => {
      const status = await port.start(key, specOf(cwd, "", { argv: ["/bin/sh", "-c", stubborn, join(cwd, key)] }));
      while (!existsSync(join(cwd, key))) await pause(10);
      while ((await processesSaying("sleep 999; : " + cwd)).length === 0) await pause(10);
      return status;
    };
    await start("forced");
    assert.deepEqual(
      [(await port.stop("forced", 200))!].map(({ state, signal }) => [state, signal]),
      [["killed", "SIGKILL"]],
    );
    assert.deepEqual(await processesSaying("sleep 999; : " + cwd), []);
    const { pid } = await start("orphan");
    process.kill(pid, "SIGKILL");
    while ((await port.find("orphan"))!.state !== "lost") await pause(10);
    while ((await processesSaying("sleep 999; : " + cwd)).length > 0) await pause(10);
  });

  test("it speaks with the server by the token in its environment, also with the next server after kill -9 of the first", async (t) => {
    const { url } = await testDatabase(t);
    const { home, cwd, port, ended } = await world(t);
    const first = await startServer(t, home, { DATABASE_URL: url });
    const { token } = JSON.parse(await readFile(join(home, "root.json"), "utf8")) as { token: string };
    const env = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: cwd, LOOP_TOKEN: token, LOOP_SOCKET: join(home, "socket", "loop.sock") };
    const script = `"${LOOP}" _ claim one; echo code $?; touch claimed; while [ ! -e go ]; do sleep 0.05; done; "${LOOP}" _ claim two; echo code $?`;
    await port.start("act_1", specOf(cwd, script, { env }));
    while (!existsSync(join(cwd, "claimed"))) await pause(10);
    await first.kill("SIGKILL");
    await startServer(t, home, { DATABASE_URL: url });
    await writeFile(join(cwd, "go"), "");
    await ended("act_1");
    assert.equal(await port.log("act_1", 1_000), "claimed one\ncode 0\nclaimed two\ncode 0\n");
  });
});

async function world(t: TestContext, osHome = OPTIONS.osHome) {
  const home = await realpath(await temporaryHome(t));
  await mkdir(join(home, "socket"), { recursive: true, mode: 0o700 });
  const cwd = await realpath(await mkdtemp(join(tmpdir(), "loopwright-work-")));
  const sandbox = createBwrapSandbox({ ...OPTIONS, osHome, hidden: [home] });
  const place = { home: { folder: home, socket: join(home, "socket", "loop.sock") }, clock: systemClock, workspaceFolder: join(home, "workspace") };
  const port = workersOf({ ...place, sandbox: () => Promise.resolve(sandbox), redactor: createRedactor() });
  t.after(async () => {
    for (const { key } of await port.list()) await port.stop(key, 0);
    await rm(cwd, { recursive: true, force: true });
  });
  const ended = async (key: string) => {
    for (;;) {
      const status = (await port.find(key))!;
      if (status.endedAtMs !== null) return status;
      await pause(10);
    }
  };
  return { home, cwd, port, ended };
}
