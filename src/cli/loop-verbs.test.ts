import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { testDatabase } from "#src/testing/database.ts";
import { startServer, temporaryHome } from "#src/testing/server.ts";

const LOOP = join(import.meta.dirname, "..", "..", "bin", "loop");

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const bare = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("LOOP_") && name !== "DATABASE_URL"));

/** `bin/loop` for one home, as an agent session runs it: its standard input is no terminal. */
const loopFor =
  (home: string) =>
  (line: readonly string[], input = ""): Promise<Ended> =>
    new Promise((resolve) => {
      const child = execFile(LOOP, [...line], { cwd: home, env: { ...bare, LOOP_HOME: home } }, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code), out, err });
      });
      child.stdin!.end(input);
    });

async function house(t: TestContext) {
  const home = await temporaryHome(t, "personal");
  const { url } = await testDatabase(t);
  const server = await startServer(t, home, { DATABASE_URL: url });
  const loop = loopFor(home);
  const said = async (...line: string[]): Promise<string> => {
    const { code, out, err } = await loop(["_", ...line]);
    assert.equal(code, 0, `${line.join(" ")}: ${out}${err}`);
    return out.trimEnd();
  };
  const json = async (...line: string[]) => JSON.parse(await said(...line, "--json")) as ReturnType<typeof JSON.parse>;
  return { home, url, server, loop, said, json, env: { DATABASE_URL: url } };
}

test("an agent session steers by the command line: what is printed, and how it ends", async (t) => {
  const { home, server, loop, said, json } = await house(t);
  const file = (path: string): Promise<string> => readFile(join(home, "workspace", path), "utf8");

  const world = await json("state");
  assert.equal(await said("state"), `asks: 0  ·  workers: 0  ·  goals: ${world.goals.length}`);
  assert.deepEqual([world.pulse, world.data_dir], ["alive", join(home, "workspace")]);

  assert.equal(await said("goal", "write", "fix-login", "logins", "work"), "write-goal fix-login");
  assert.equal(await file("goals/fix-login.md"), "logins work\n");
  assert.deepEqual(await loop(["_", "goal", "write", "fix-login", "-"], "from stdin\n\n"), { code: 0, out: "write-goal fix-login\n", err: "" });
  assert.equal(await file("goals/fix-login.md"), "from stdin\n");
  assert.equal(await said("goal", "write", "fix-login", "--journal", "said otherwise", "--", "- ten of each"), "write-goal fix-login");
  assert.equal(await file("goals/fix-login.md"), "- ten of each\n");
  assert.equal(await said("goal", "archive", "fix-login"), "archive-goal fix-login");
  assert.equal(await file("goals/archive/fix-login.md"), "- ten of each\n");

  const playbook = await file("PLAYBOOK.md");
  assert.equal((await loop(["_", "playbook", "write"], "be careful")).out, "write-playbook\n");
  assert.match((await loop(["playbook", "diff"])).out, /^PLAYBOOK\.md, 1 of 1 back[^]*\+ be careful/);
  assert.equal((await loop(["playbook", "restore", "1"])).code, 0);
  assert.equal(await file("PLAYBOOK.md"), playbook);

  assert.match((await loop(["_", "sensor", "write", "load"], "uptime")).out, /^write-sensor load · waits for `loop accept pro_[0-9a-f]+`\n$/);
  assert.equal(await said("journal", "write", "the supplier is away"), "write-journal");
  const lines = (await said("journal")).split("\n");
  for (const line of lines) assert.match(line, /^- \d{4}-\d\d-\d\d \d\d:\d\d \S/);
  assert.deepEqual(
    lines.map((line) => line.slice("- 2026-01-01 00:00 ".length)),
    [
      "write-goal fix-login",
      "write-goal fix-login",
      "said otherwise",
      "archive-goal fix-login",
      "write-playbook",
      (await json("journal")).lines[5].line,
      "write-sensor load",
      "the supplier is away",
    ],
  );

  assert.equal(await said("schedule", "write", "later", "--in", "3600", "--note", "look again"), "write-schedule later");
  assert.match(await said("schedule", "list"), /^later pending next \S+ look again$/);
  assert.equal(await said("schedule", "rm", "later"), "drop-schedule later");
  assert.equal(await said("schedule", "list"), "no schedules");
  assert.equal(await said("notify", "all", "is", "well"), "notify");

  const refused: readonly (readonly [line: string[], code: number, said: RegExp, input?: string])[] = [
    [["goal", "write", "../x", "text"], 1, /expected a name/],
    [["goal", "write", ".x", "text"], 1, /expected a name/],
    [["goal", "write", "a/b", "text"], 1, /expected a name/],
    [["goal", "write", "x"], 1, /The goal is blank/, " \n"],
    [["goal", "write", "x", "-text"], 1, /no flag/],
    [["goal", "archive", "never-there"], 1, /There is no goal never-there/],
    [["playbook", "write", "-"], 1, /The playbook is blank/],
    [["notify", " "], 1, /not blank/],
    [["schedule", "write", "x", "--every", "59"], 1, /60 seconds or more/],
    [["schedule", "write", "x", "--in", "1e12"], 1, /ten years at most/],
    [["schedule", "write", "x"], 1, /exactly one of in, every, cron, rrule/],
    [["schedule", "rm", "x"], 1, /There is no schedule x/],
    [["wait", "--since", "yesterday"], 1, /is no cursor/],
    [["wait", "--timeout", "soon"], 1, /a number of seconds/],
  ];
  for (const [line, code, words, input] of refused) {
    const ended = await loop(["_", ...line], input);
    assert.equal(ended.code, code, `${line.join(" ")}: ${ended.out}${ended.err}`);
    assert.match(ended.err, words, line.join(" "));
  }
  await server.kill("SIGKILL");
});

test("a wait goes on through a restart of the server and ends when a goal is written; when nobody is there its exit code is 2", async (t) => {
  const { home, server, loop, said, json, env } = await house(t);
  const sensed = ({ snapshots }: { snapshots: object }): boolean => ["sensor-disk", "sensor-git", "sensor-today"].every((name) => name in snapshots);
  for (const until = performance.now() + 20_000; performance.now() < until && !sensed(await json("state"));); // they move the world when they begin
  const { cursor } = await json("state");
  const timed = await loop(["_", "wait", "--only-asks", "--since", cursor, "--timeout", "0.2", "--json"]);
  assert.deepEqual([timed.code, JSON.parse(timed.out).changed], [0, []]);

  const waiting = loop(["_", "wait", "--json"]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await server.kill("SIGKILL");
  const second = await startServer(t, home, env);
  await said("goal", "write", "new", "x");
  const { code, out } = await waiting;
  assert.equal(code, 0, out);
  assert.ok(JSON.parse(out).changed.includes("goals"));

  await second.kill("SIGKILL");
  const gone = await loop(["_", "wait"]);
  assert.equal(gone.code, 2);
  assert.match(gone.err, /server/i);
});

test("a command is run through the gate: its end, its output for the next decision, and what nobody may run", async (t) => {
  const { server, loop, said, json } = await house(t);
  assert.equal(await said("run", "echo seen; pwd >/dev/null", "--reason", "is it there?"), "run-shell · is it there?");
  assert.deepEqual(
    [(await json("state")).last_run].map(({ command, exit_code, output, state }) => ({ command, exit_code, output, state })),
    [{ command: "echo seen; pwd >/dev/null", exit_code: 0, output: "seen", state: "done" }],
  );
  const failed = await loop(["_", "run", "echo no >&2; exit 3"]);
  assert.deepEqual([failed.code, failed.out], [1, ""]);
  assert.equal(failed.err.trimEnd(), "run_shell exited 3: no");
  const forbidden = await loop(["_", "run", "sudo ls"]);
  assert.equal(forbidden.code, 1);
  assert.match(forbidden.err, /run for nobody/);
  const body = JSON.parse((await loop(["_", "run", "seq 1 4000", "--json"])).out);
  assert.deepEqual([body.state, body.output.length, body.output.endsWith("4000")], ["done", 2_048, true]);
  await server.kill("SIGKILL");
});
