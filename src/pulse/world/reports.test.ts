import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createRedactor } from "#src/kernel/redaction.ts";
import { eventsOf } from "#src/people/people-fixture.ts";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { listReports, readReport } from "../store/reports.ts";
import { reportsKeeper } from "./reports.ts";

async function house(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "loop-reports-"));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, "reports", "may"), { recursive: true });
  const { db } = await testDatabase(t);
  const redactor = createRedactor();
  const parts = { db, clock: heldClock(), folder, redactor };
  return {
    db,
    folder,
    redactor,
    parts,
    look: reportsKeeper(parts),
    put: (path: string, content: string | Buffer) => writeFile(join(folder, "reports", path), content),
  };
}

const pathsOf = async (db: Parameters<typeof listReports>[0]) => (await listReports(db)).map(({ path }) => path).toSorted();

test("what is delivered is kept as it was last seen, once, and stays when its file is gone", async (t) => {
  const { db, folder, look, put, parts } = await house(t);
  await put("fix.md", "first");
  await put("may/sums.bin", Buffer.from([0, 255, 1]));
  await look();
  await look();
  await put("fix.md", "second");
  await look();
  await reportsKeeper(parts)(); // another process, which has seen nothing
  assert.deepEqual(await pathsOf(db), ["fix.md", "may/sums.bin"]);
  await rm(join(folder, "reports"), { recursive: true });
  await look();
  assert.equal((await readReport(db, "fix.md")).content.toString(), "second");
  assert.deepEqual([...(await readReport(db, "may/sums.bin")).content], [0, 255, 1]);
  const kept = (await eventsOf(db)).filter(({ kind }) => kind === "report.kept").map(({ payload }) => (payload as { path: string }).path);
  assert.deepEqual(kept, ["fix.md", "may/sums.bin", "fix.md"]);
  await assert.rejects(readReport(db, "none.md"), { code: "report_unknown" });
});

test("secrets that are known go into no record, and what is a link, hidden, a pipe or too large is left alone", async (t) => {
  const { db, folder, redactor, look, put } = await house(t);
  redactor.learn("s3cr3t-of-the-test");
  await put("leak.md", "the key is s3cr3t-of-the-test");
  await put(".hidden", "x");
  await put("huge.log", Buffer.alloc(1_048_577, 65));
  await symlink("/etc/passwd", join(folder, "reports", "passwd"));
  execFileSync("mkfifo", [join(folder, "reports", "pipe")]);
  await look();
  assert.deepEqual(await pathsOf(db), ["leak.md"]);
  assert.equal((await readReport(db, "leak.md")).content.toString(), "the key is [secret]");
});

test("a folder of reports that is a link is left alone", async (t) => {
  const { db, folder, look } = await house(t);
  await rm(join(folder, "reports"), { recursive: true });
  await symlink("/etc", join(folder, "reports"));
  await look();
  assert.deepEqual(await pathsOf(db), []);
});
