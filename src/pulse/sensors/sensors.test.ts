import assert from "node:assert/strict";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { processesSaying } from "#src/testing/sandbox-port.suite.ts";
import { isFlapping, readings } from "../store/sensor-readings.ts";
import { hostSandbox, sensorWorld } from "#src/testing/sensor-world.ts";

const answer = await hostSandbox().available();
const skip = answer.ok ? false : answer.why;

const said = async (db: Db) =>
  (
    await sql<{
      kind: string;
      body: string;
    }>`select e.kind, p.body from events e join payloads p on p.event_id = e.id where e.kind like 'sensor.%' order by e.id`.execute(db)
  ).rows.map(({ kind, body }) => [kind, JSON.parse(body) as Record<string, unknown>] as const);

describe("sensors", { skip, timeout: 120_000 }, () => {
  test("programs of every kind say what they see, in the folder of the workspace and with nothing of the server's in their environment", async (t) => {
    const world = await sensorWorld(t);
    process.env["CANARY_OF_THE_SERVER"] = "canary";
    t.after(() => delete process.env["CANARY_OF_THE_SERVER"]);
    await world.apply({
      "shell.sh": `printf '{"signal":{"pwd":"%s","home":"%s","workspace":"%s","canary":"%s"},"detail":{"at":1}}' "$PWD" "$(ls -A $HOME | grep -v loopwright-sensors)" "$LOOP_WORKSPACE" "$CANARY_OF_THE_SERVER"`,
      "snake.py": 'import json, os\nfrom lib.words import WORD\nprint(json.dumps({"signal": WORD, "names": sorted(os.environ)}))',
      "lib/words.py": 'WORD = "snake"',
      "typed.ts": 'const signal: string[] = ["typed"];\nconsole.log(JSON.stringify({ signal }));',
      "plain.js": "console.log(JSON.stringify({ open: 3 }));",
      bare: "#!/usr/bin/env python3\nprint('{}')",
    });
    const found = await world.beat();
    assert.deepEqual(
      Object.values(found).map(({ sensor, signal, detail, failed }) => ({ sensor, signal, detail, failed })),
      [
        { sensor: "bare", signal: {}, detail: {}, failed: false },
        { sensor: "plain", signal: { open: 3 }, detail: {}, failed: false },
        { sensor: "shell", signal: { pwd: world.folder, home: "", workspace: world.folder, canary: "" }, detail: { at: 1 }, failed: false },
        { sensor: "snake", signal: "snake", detail: {}, failed: false },
        { sensor: "typed", signal: ["typed"], detail: {}, failed: false },
      ],
    );
  });

  test("what goes wrong with a sensor is its reading, and the others have theirs", async (t) => {
    const world = await sensorWorld(t);
    await world.apply({
      "hangs.sh": "# loop:timeout=1\necho soon >&2; sleep 1000",
      "floods.sh": "yes",
      "large.sh": "head -c 9000 /dev/zero | tr '\\0' x",
      "words.sh": "echo all is well",
      "list.sh": "echo '[1]'",
      "silent.sh": ":",
      "exits.sh": "head -c 3000 /dev/zero | tr '\\0' x >&2; echo the end >&2; exit 1",
      "writes.sh": `touch made && echo '{"signal":"wrote"}' || exit 7`,
      "fine.sh": `echo '{"signal":"fine"}'`,
    });
    const found = await world.beat();
    const of = (name: string) => ({ signal: found[name]!.signal, detail: found[name]!.detail as Record<string, unknown>, failed: found[name]!.failed });
    assert.deepEqual(of("hangs"), { signal: { error: true, exit_code: 124 }, detail: { message: "timed out after 1 s", stderr: "soon\n" }, failed: true });
    assert.deepEqual(of("floods"), { signal: { error: true }, detail: { error: "output too large", bytes: 65_536, cap: 8_192 }, failed: true });
    assert.deepEqual(of("large"), { signal: { error: true }, detail: { error: "output too large", bytes: 9_000, cap: 8_192 }, failed: true });
    assert.deepEqual(of("words").signal, { error: true, exit_code: 0 });
    assert.equal(of("words").detail["message"], 'printed "all is well"; expected one JSON object');
    assert.equal(of("list").failed, true);
    assert.equal(of("silent").detail["message"], "printed nothing; expected one JSON object");
    assert.deepEqual(of("exits").signal, { error: true, exit_code: 1 });
    assert.equal(Buffer.byteLength(String(of("exits").detail["stderr"])), 1_024);
    assert.match(String(of("exits").detail["stderr"]), /the end\n$/);
    assert.deepEqual(of("writes").signal, { error: true, exit_code: 7 });
    assert.deepEqual((await readdir(world.folder)).toSorted(), ["loop.yaml", "sensors"]);
    assert.deepEqual(of("fine"), { signal: "fine", detail: {}, failed: false });
  });

  test("what a sensor leaves behind is gone when its reading is there", async (t) => {
    const world = await sensorWorld(t);
    await world.apply({
      "forks.sh": `setsid sh -c 'sleep 1000; : ${world.home}' >/dev/null 2>&1 & sh -c 'trap "" TERM; sleep 1000; : ${world.home}' & echo '{"signal":1}'`,
    });
    assert.equal((await world.beat())["forks"]!.signal, 1);
    assert.deepEqual(await processesSaying(`: ${world.home}`), []);
  });

  test("a secret is given by reference, is in no reading, and one that is missing is said by its name", async (t) => {
    const secret = (reference: string): Promise<string> => {
      if (reference === "secret:there") return Promise.resolve("s3cr3t-value");
      return Promise.reject(new LoopError("secret_unavailable", "The secret gone is not there."));
    };
    const world = await sensorWorld(t, { secret });
    world.redactor.learn("s3cr3t-value"); // as the real store does when it gives a value out
    await world.apply({
      "leaks.sh": `# loop:secret=TOKEN=secret:there\nprintf '{"signal":"%s %s","detail":"%s"}' $\{#TOKEN} "$TOKEN" "$TOKEN"`,
      "leaks-err.sh": '# loop:secret=TOKEN=secret:there\necho "$TOKEN" >&2; exit 1',
      "lacks.sh": "# loop:secret=TOKEN=secret:gone\necho '{}'",
    });
    const found = await world.beat();
    assert.deepEqual([found["leaks"]!.signal, found["leaks"]!.detail], ["12 [secret]", "[secret]"]);
    assert.deepEqual((found["leaks-err"]!.detail as { stderr: string }).stderr, "[secret]\n");
    assert.deepEqual(found["lacks"]!.signal, { error: true, missing: "secret" });
    assert.deepEqual(found["lacks"]!.detail, { message: "TOKEN has no value: The secret gone is not there." });
    assert.equal(found["lacks"]!.failed, true);
  });

  test("what counts is the revision in force: what is written into the folder does nothing until it is applied, and then runs at once", async (t) => {
    const world = await sensorWorld(t);
    await world.apply({ "one.sh": `echo '{"signal":"applied"}'` });
    await writeFile(join(world.folder, "sensors", "one.sh"), `echo '{"signal":"edited"}'`);
    await writeFile(join(world.folder, "sensors", "two.sh"), `echo '{"signal":"new"}'`);
    assert.deepEqual(
      Object.values(await world.beat()).map(({ sensor, signal }) => [sensor, signal]),
      [["one", "applied"]],
    );
    await world.apply({ "one.sh": `echo '{"signal":"edited"}'` });
    assert.equal((await world.beat())["one"]!.signal, "edited");
    await world.apply({ "two.sh": `echo '{"signal":"new"}'` });
    assert.deepEqual(
      Object.values(await world.beat()).map(({ sensor, signal }) => [sensor, signal]),
      [["two", "new"]],
    );
    assert.deepEqual(
      (await said(world.db)).map(([kind, { sensor }]) => [kind, sensor]),
      [
        ["sensor.changed", "one"],
        ["sensor.changed", "one"],
        ["sensor.removed", "one"],
        ["sensor.changed", "two"],
      ],
    );
  });

  test("programs that were written out and changed by somebody are written out again", async (t) => {
    const world = await sensorWorld(t);
    await world.apply({ "one.sh": `echo '{"signal":"applied"}'` });
    await world.beat();
    const [at] = await readdir(join(world.home, "sensors"));
    const file = join(world.home, "sensors", at!, "sensors", "one.sh");
    await rm(file);
    await writeFile(file, `echo '{"signal":"edited"}'`);
    const after = world.another();
    world.clock.advance(60_000);
    await after.beat();
    await after.settled();
    assert.equal((await world.beat())["one"]!.signal, "applied");
  });

  test("a sensor says what it says when it is asked in the sandbox that is there; where there is none, that is the reading", async (t) => {
    const none = {
      name: "none",
      available: () => Promise.resolve({ ok: false, why: "no program bwrap" }),
      run: () => Promise.reject(),
      start: () => Promise.reject(),
      wrap: () => Promise.reject(),
    } as const;
    const world = await sensorWorld(t, { sandbox: () => Promise.resolve(none) });
    await world.apply({ "one.sh": "echo '{}'" });
    const { signal, detail, failed } = (await world.beat())["one"]!;
    assert.deepEqual(
      { signal, detail, failed },
      { signal: { error: true, missing: "sandbox" }, detail: { message: "sandbox: no program bwrap" }, failed: true },
    );
  });
});

describe("the pace of sensors", { skip, timeout: 120_000 }, () => {
  /** Runs are counted where the sensor may not write: by what it reads. */
  const counting = `cat counter 2>/dev/null || echo '{"signal":0}'`;

  test("each sensor runs as often as it says, and however long nobody looked, once", async (t) => {
    const world = await sensorWorld(t);
    await world.apply({ "often.sh": `# loop:interval=10\n${counting}`, "usual.sh": counting });
    const ranAt = async () => Object.values(await world.beat()).map(({ signal }) => signal);
    const say = (text: string) => writeFile(join(world.folder, "counter"), JSON.stringify({ signal: text }));
    await say("a");
    assert.deepEqual(await ranAt(), ["a", "a"]);
    await say("b");
    world.clock.advance(9_999);
    assert.deepEqual(await ranAt(), ["a", "a"]);
    world.clock.advance(1);
    assert.deepEqual(await ranAt(), ["b", "a"]);
    await say("c");
    world.clock.advance(50_000);
    assert.deepEqual(await ranAt(), ["c", "c"]);
    const before = (await said(world.db)).length;
    world.clock.advance(600_000); // the process was stopped for ten minutes
    await say("d");
    assert.deepEqual(await ranAt(), ["d", "d"]);
    await say("e");
    assert.deepEqual(await ranAt(), ["d", "d"], "missed beats are one beat");
    assert.equal((await said(world.db)).length, before + 2);
    world.clock.advance(-3_600_000);
    assert.deepEqual(await ranAt(), ["e", "e"], "a clock that was set back holds nothing up");
  });

  test("what the settings say of the pace counts where a sensor says nothing, before what the workspace says", async (t) => {
    const world = await sensorWorld(t, { intervalMs: 5_000, bounds: { timeoutMs: 500, maxBytes: 20 } });
    await world.apply(
      { "one.sh": counting, "own.sh": `# loop:interval=3600\n${counting}`, "slow.sh": "sleep 100", "long.sh": `echo '{"signal":"twenty characters"}'` },
      "pulse: { interval: 1h }\n",
    );
    const first = await world.beat();
    assert.equal((first["slow"]!.detail as { message: string }).message, "timed out after 0.5 s");
    assert.deepEqual(first["long"]!.detail, { error: "output too large", bytes: 31, cap: 20 });
    await writeFile(join(world.folder, "counter"), '{"signal":1}');
    world.clock.advance(5_000);
    const second = await world.beat();
    assert.deepEqual([second["one"]!.signal, second["own"]!.signal], [1, 0]);
  });

  test("another process goes on where the first one was, and a changed detail wakes nobody", async (t) => {
    const world = await sensorWorld(t);
    await mkdir(join(world.folder, "x"));
    await world.apply({ "one.sh": '# loop:interval=86400\nprintf \'{"signal":1,"detail":"%s"}\' "$(ls x)"' });
    world.clock.advance(
      Date.parse((await sql<{ now: Date }>`select loop_now() as now`.execute(world.db)).rows[0]!.now.toISOString()) - world.clock.nowMs() + 1_000,
    );
    assert.equal((await world.beat())["one"]!.detail, "");
    assert.equal(world.moves(), 1);
    await writeFile(join(world.folder, "x", "new"), "");
    await world.sensors.rest();
    assert.equal((await world.beat())["one"]!.detail, "", "a day is not over");
    world.clock.advance(86_400_000);
    assert.equal((await world.beat())["one"]!.detail, "new");
    assert.equal(world.moves(), 1);
    assert.equal((await said(world.db)).length, 1);
  });

  test("no more run at once than the workspace says, and one that hangs holds up nobody else", async (t) => {
    const now = { running: 0, most: 0 };
    const real = hostSandbox();
    const sandbox = {
      ...real,
      run: async (...given: Parameters<typeof real.run>) => {
        now.most = Math.max(now.most, (now.running += 1));
        return real.run(...given).finally(() => (now.running -= 1));
      },
    };
    const world = await sensorWorld(t, { sandbox: () => Promise.resolve(sandbox) });
    const quick = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`quick-${at}.sh`, `sleep 0.05; echo '{"signal":${at}}'`]));
    await world.apply({ "a-hangs.sh": "# loop:timeout=300\nsleep 1000", ...quick }, "pulse: { sensorConcurrency: 3 }\n");
    await world.sensors.beat();
    while ((await readings(world.db)).length < 10) await new Promise((resolve) => setTimeout(resolve, 20)); // outside programs take their time
    assert.equal(now.most, 3);
    assert.equal(
      (await readings(world.db)).some(({ sensor }) => sensor === "a-hangs"),
      false,
    );
    await world.sensors.rest();
    assert.equal((await readings(world.db)).length, 10, "what was ended is no reading");
  });

  test("a sensor that takes longer than its pace runs once at a time", async (t) => {
    const held = Promise.withResolvers<void>();
    const real = hostSandbox();
    let started = 0;
    const sandbox = {
      ...real,
      async run(...given: Parameters<typeof real.run>) {
        started += 1;
        await held.promise;
        return real.run(...given);
      },
    };
    const world = await sensorWorld(t, { sandbox: () => Promise.resolve(sandbox) });
    await world.apply({ "one.sh": "# loop:interval=1\necho '{}'" });
    for (let beats = 0; beats < 5; beats += 1) {
      await world.sensors.beat();
      world.clock.advance(1_000);
    }
    held.resolve();
    await world.sensors.settled();
    assert.equal(started, 1);
    await world.beat();
    assert.equal(started, 2);
  });

  test("a signal that is another one five times in a row is flapping, until it rests", async (t) => {
    const world = await sensorWorld(t);
    await world.apply({ "one.sh": "cat counter" });
    const flaps: boolean[] = [];
    for (const text of ["a", "b", "c", "d", "e", "f", "f"]) {
      await writeFile(join(world.folder, "counter"), JSON.stringify({ signal: text }));
      flaps.push(isFlapping((await world.beat())["one"]!));
      world.clock.advance(60_000);
    }
    assert.deepEqual(flaps, [false, false, false, false, false, true, false]);
    assert.equal(world.moves(), 6);
  });

  test("a beat over an unchanged world writes when it was, and nothing else", async (t) => {
    const world = await sensorWorld(t);
    await world.apply({ "one.sh": `echo '{"signal":1,"detail":{"a":"${"x".repeat(4_000)}"}}'`, "two.sh": "exit 1" });
    const first = await world.beat();
    world.clock.advance(60_000);
    const second = await world.beat();
    for (const name of ["one", "two"]) {
      const [{ ranAtMs: before, ...old }, { ranAtMs: after, ...now }] = [first[name]!, second[name]!];
      assert.deepEqual(now, old);
      assert.ok(after > before);
    }
    assert.equal(world.moves(), 1);
    assert.equal((await said(world.db)).length, 2);
  });
});
