import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { hostSandbox, sensorWorld } from "#src/testing/sensor-world.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { readFolder } from "#src/workspace/load.ts";
import { mirrorReadings } from "./mirror.ts";

const answer = await hostSandbox().available();
const skip = answer.ok ? false : answer.why;

describe("snapshots as files", { skip, timeout: 60_000 }, () => {
  test("they show what is on record, come back when they are deleted or changed, and nothing is read from them", async (t) => {
    const world = await sensorWorld(t);
    await world.apply({ "one.sh": `echo '{"signal":1,"detail":"x"}'`, "two.sh": "exit 3" });
    await world.beat();
    const mirror = () => mirrorReadings({ db: world.db, log: silentLog, folder: world.folder, onChange: () => () => undefined });
    const own = mirror();
    await own.look();
    const at = join(world.folder, "snapshots");
    const read = async (name: string) => JSON.parse(await readFile(join(at, name), "utf8")) as Record<string, unknown>;
    const { changedAt, ...one } = await read("sensor-one.json");
    assert.deepEqual(one, { signal: 1, detail: "x", failed: false, flapping: false });
    assert.equal(typeof changedAt, "string");
    assert.deepEqual((await read("sensor-two.json"))["signal"], { error: true, exit_code: 3 });
    assert.equal(
      [...(await readFolder(world.folder)).keys()].some((path) => path.startsWith("snapshots")),
      false,
    );

    await rm(at, { recursive: true });
    await own.look();
    assert.deepEqual((await readdir(at)).toSorted(), ["sensor-one.json", "sensor-two.json"]);

    const future = new Date(Date.UTC(2199, 0, 1));
    await writeFile(join(at, "sensor-one.json"), '{"signal":"forged"}');
    await utimes(join(at, "sensor-one.json"), future, future);
    await writeFile(join(at, "sensor-three.json"), '{"signal":"forged"}');
    await writeFile(join(at, "notes.txt"), "of a person");
    world.clock.advance(60_000);
    assert.equal((await world.beat())["one"]!.signal, 1);
    assert.equal(world.moves(), 1);
    await mirror().look(); // another process, after a restart
    assert.equal((await read("sensor-one.json"))["signal"], 1);
    assert.deepEqual((await readdir(at)).toSorted(), ["notes.txt", "sensor-one.json", "sensor-two.json"]);

    await world.apply({ "one.sh": `echo '{"signal":2}'` });
    await world.beat();
    await own.look();
    assert.deepEqual((await readdir(at)).toSorted(), ["notes.txt", "sensor-one.json"]);
    assert.equal((await read("sensor-one.json"))["signal"], 2);
  });

  test("where somebody put a link in place of the folder, nothing is written", async (t) => {
    const world = await sensorWorld(t);
    await world.apply({ "one.sh": "echo '{}'" });
    await world.beat();
    await mkdir(join(world.home, "elsewhere"));
    await symlink(join(world.home, "elsewhere"), join(world.folder, "snapshots"));
    const { look } = mirrorReadings({ db: world.db, log: silentLog, folder: world.folder, onChange: () => () => undefined });
    await assert.rejects(look(), { code: "workspace_invalid" });
    assert.deepEqual(await readdir(join(world.home, "elsewhere")), []);
  });
});
