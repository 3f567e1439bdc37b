import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import { noteAction } from "../store/action-lines.ts";
import { journalFile } from "./journal-file.ts";

test("journal.md has a line for each action by the clock of the workspace, comes back when it is deleted, and makes way when it is long", async (t) => {
  const { db } = await testDatabase(t);
  const clock = heldClock();
  const folder = await mkdtemp(join(tmpdir(), "loopwright-journal-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const parsed = parseWorkspace(filesOf(SOUND_FILES));
  assert.ok(parsed.kind === "ok");
  const workspace = { ...parsed.workspace, manifest: { ...parsed.workspace.manifest, timeZone: "Asia/Taipei" } };
  const workspaces = { current: () => Promise.resolve({ revision: 1, workspace }), at: () => Promise.resolve(workspace) };
  const look = journalFile({ db, folder, workspaces, mostBytes: 300 });
  const read = (name = "journal.md"): Promise<string> => readFile(join(folder, name), "utf8");
  const note = (line: string): Promise<void> => noteAction(db, clock, { caller: { id: "prn_1" }, line });
  const stamp = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Taipei", dateStyle: "short", timeStyle: "short" }).format(clock.nowMs());

  await look();
  await assert.rejects(read(), { code: "ENOENT" }, "nothing was done yet");
  await note("write-goal stock");
  await look();
  await note("archive-goal stock");
  await Promise.all([look(), look()]);
  assert.equal(await read(), `- ${stamp} write-goal stock\n- ${stamp} archive-goal stock\n`);

  await rm(join(folder, "journal.md"));
  await look();
  assert.equal((await read()).split("\n").length, 3);
  await writeFile(join(folder, "journal.md"), "- forged\n");
  await note("write-playbook");
  await journalFile({ db, folder, workspaces })(); // another process, after a restart
  assert.equal(await read(), ["write-goal stock", "archive-goal stock", "write-playbook"].map((line) => `- ${stamp} ${line}\n`).join(""));

  await note("x".repeat(400));
  await look();
  await note("after that");
  await look();
  assert.equal(await read(), `- ${stamp} after that\n`);
  assert.match(await read("journal.1.md"), /x{400}\n$/);

  await rm(join(folder, "journal.md"));
  await symlink("/etc/passwd", join(folder, "journal.md"));
  await assert.rejects(look(), { code: "workspace_invalid", message: /is a link/ });
});
