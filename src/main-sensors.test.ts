import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { checkPerformer } from "#src/acts/perform-check.ts";
import type { Act } from "#src/acts/act.ts";
import { createSandboxOff } from "#src/adapters/sandbox-off/sandbox.ts";
import { sensingOf } from "#src/main-sensors.ts";
import { readings } from "#src/pulse/store/sensor-readings.ts";
import { createSecrets } from "#src/secrets/secrets.ts";
import { emptyDatabases } from "#src/testing/empty-database.ts";
import { processesSaying } from "#src/testing/sandbox-port.suite.ts";
import { hostSandbox, sensorWorld } from "#src/testing/sensor-world.ts";
import { startServer, temporaryHome } from "#src/testing/server.ts";
import { silentLog } from "#src/testing/silent-log.ts";

const answer = await hostSandbox().available();
const skip = answer.ok ? false : answer.why;

describe("sensors in a server", { skip, timeout: 60_000 }, () => {
  test("a check by a sensor runs the program in force, and what it says stands on record without secrets", async (t) => {
    const world = await sensorWorld(t);
    const env = { PATH: process.env["PATH"], OVEN_KEY: "key-of-the-oven" };
    const keyFile = join(world.home, "keys", "secrets.key");
    const { clock, redactor, workspaces, folder, db } = world;
    const secrets = createSecrets({ env, redactor, clock, keyFile, runCommand: () => Promise.reject(new Error("no commands here")) });
    const settings = { secretsKeyFile: keyFile, sensorTimeoutSeconds: 60, sensorMaxBytes: 8_192 };
    const sensing = sensingOf({
      env,
      clock,
      redactor,
      workspaces,
      secrets,
      log: silentLog,
      version: "test",
      record: { db },
      workspaceFolder: folder,
      settings: settings as Parameters<typeof sensingOf>[0]["settings"],
      home: { folder: world.home, socket: join(world.home, "loop.sock") },
    });
    t.after(sensing.close);
    await world.apply({
      "heat.sh": `# loop:secret=KEY=secret:env:OVEN_KEY\nprintf '{"signal":{"celsius":%s,"key":"%s"}}' "$(cat heat)" "$KEY"`,
      "lost.sh": "# loop:secret=KEY=secret:env:LOST\necho '{}'",
    });
    await writeFile(join(folder, "sensors", "heat.sh"), `echo '{"signal":{"celsius":1}}'`);
    await writeFile(join(folder, "heat"), "220");
    const performer = checkPerformer({ surfaces: new Map(), sandbox: sensing.sandbox, folder, runSensor: sensing.runSensor });
    const check = async (sensor: string, field: string, equals: string | number) => {
      const act = { kind: "check", name: "check", args: { cause: "eta", by: "sensor", sensor, field, equals } } as unknown as Act;
      const performed = await performer.perform(act, { signal: new AbortController().signal } as Parameters<typeof performer.perform>[1]);
      return "result" in performed ? performed.result : undefined;
    };
    const facts = { command: ["sensors/heat.sh"], exitCode: 0, sandbox: "bwrap" };
    assert.deepEqual(await check("heat", "signal.celsius", 220), { ...facts, verdict: "passed", seen: "220", expected: "220" });
    assert.deepEqual(await check("heat", "signal.key", "x"), { ...facts, verdict: "failed", seen: "[secret]", expected: "x" });
    assert.deepEqual(await check("heta", "signal.celsius", 220), { verdict: "unreadable", why: "there is no sensor heta" });
    const lost = (await check("lost", "signal", 1)) as { verdict: string; why: string };
    assert.equal(lost.verdict, "unreadable");
    assert.match(lost.why, /^KEY has no value: .*env:LOST/);
  });
});

test(
  "a server that is killed takes its sensors along, and the next one goes on; what is edited counts when it is applied",
  { skip, timeout: 120_000 },
  async (t) => {
    const { url, db } = await (await emptyDatabases(t))();
    const home = await realpath(await temporaryHome(t, "personal"));
    const file = join(home, "workspace", "sensors", "slow.sh");
    await writeFile(file, "# loop:timeout=300\nsleep 1000");
    const first = await startServer(t, home, { DATABASE_URL: url });
    const slow = async () => (await processesSaying(`${home}/sensors/`)).filter((line) => line.includes("slow.sh")); // written out below the home, and run from there
    await until(async () => (await slow()).length > 0);
    await until(async () => (await readings(db)).length === 3);
    await first.kill("SIGKILL");
    await until(async () => (await slow()).length === 0);

    const second = await startServer(t, home, { DATABASE_URL: url });
    await until(async () => (await slow()).length > 0);
    assert.deepEqual(
      (await readings(db)).map(({ sensor }) => sensor),
      ["disk", "git", "today"],
    );
    await writeFile(file, `echo '{"signal":"quick"}'`);
    await until(() => Promise.resolve(existsSync(join(home, "workspace", "snapshots", "sensor-today.json"))));
    await second.kill("SIGTERM");
    assert.deepEqual(await slow(), []);

    const third = await startServer(t, home, { DATABASE_URL: url });
    await until(async () => (await slow()).length > 0); // edited, not applied
    assert.equal((await third.call("POST /v1/workspace/apply", { note: "quick", yes: true })).status, 200);
    await third.kill("SIGTERM");
    await startServer(t, home, { DATABASE_URL: url });
    await until(async () => (await readings(db)).some(({ sensor, signal }) => sensor === "slow" && signal === "quick"));
  },
);

/** Processes come and go by themselves: looked for again and again. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await isSo()); tries += 1) {
    assert.ok(tries < 600, "it did not come about within half a minute");
    await sleep(50);
  }
}

test("with the sandbox off a sensor runs as it is, in an empty home of its own and without what the server knows", async (t) => {
  const world = await sensorWorld(t, { sandbox: () => Promise.resolve(createSandboxOff()) });
  process.env["CANARY_OF_THE_SERVER"] = "canary";
  t.after(() => delete process.env["CANARY_OF_THE_SERVER"]);
  await world.apply({
    "one.sh": `# loop:network=example.com\nprintf '{"signal":"%s|%s|%s|%s"}' "$(ls -A "$HOME")" "$CANARY_OF_THE_SERVER" "$HTTP_PROXY" "$PWD"`,
  });
  assert.equal((await world.beat())["one"]!.signal, `|||${world.folder}`);
});
