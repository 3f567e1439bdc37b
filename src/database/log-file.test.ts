import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { heldClock } from "#src/testing/held-clock.ts";
import { openLogFile } from "./log-file.ts";

const FULL = "/dev/full";

test("a log whose disk is full loses lines and says how many once there is room again", { skip: !existsSync(FULL) && `${FULL} is not here` }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-log-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "server.log");
  await symlink(FULL, path);
  const log = openLogFile(path, heldClock());
  t.after(log.close);
  for (const line of ["a\n", "b\n", "c\n"]) log.write(line);
  assert.equal(log.lost(), 3);
  await rm(path);
  assert.equal(log.lost(), 0);
  log.write("d\n");
  assert.deepEqual((await readFile(path, "utf8")).split("\n"), [
    '{"at":"2026-01-01T00:00:00.000Z","level":"error","message":"the log could not be written; lines are lost","lost":3}',
    "d",
    "",
  ]);
});
