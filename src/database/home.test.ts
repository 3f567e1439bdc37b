import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openHome } from "./home.ts";

test("a home keeps its identity, and one whose file was damaged is not taken for another home", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-home-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { id } = await openHome(folder);
  assert.equal((await openHome(folder)).id, id);
  const file = join(folder, "home.json");
  const whole = await readFile(file, "utf8");
  for (const damaged of ["", "{", "{}", "null", '{"id":""}', '{"id":7}', '{"id":"../x"}']) {
    await writeFile(file, damaged);
    await assert.rejects(openHome(folder), { code: "home_not_usable", message: /home\.json does not say which home this is\. Expected/ }, damaged);
  }
  await writeFile(file, whole);
  assert.equal((await openHome(folder)).id, id);
});

test("a home that many open at once for the first time gets one identity, and all of them go by it", async (t) => {
  for (let round = 0; round < 20; round += 1) {
    const folder = await mkdtemp(join(tmpdir(), "loopwright-home-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const homes = await Promise.all(Array.from({ length: 8 }, () => openHome(folder)));
    assert.equal(new Set(homes.map((home) => home.id)).size, 1);
    assert.deepEqual(
      (await readdir(folder)).filter((name) => name.startsWith("home.json")),
      ["home.json"],
    );
  }
});
