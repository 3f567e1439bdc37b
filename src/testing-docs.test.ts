import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { testDatabase } from "#src/testing/database.ts";
import { WORKSPACES_FOLDER } from "#src/testing/desk.ts";

const ROOT = dirname(import.meta.dirname);

test("the example of docs/testing.md runs as it stands", async (t) => {
  const [, example] = /```ts\n(import assert [^]*?)```/.exec(await readFile(join(ROOT, "docs", "testing.md"), "utf8"))!;
  const { url } = await testDatabase(t); // a Postgres of its own would take seconds
  const source = example!
    .replace('"loopwright/testing"', JSON.stringify(pathToFileURL(join(ROOT, "src", "package", "testing.ts")).href))
    .replace('workspace: "my-team"', `workspace: ${JSON.stringify(join(WORKSPACES_FOLDER, "resale"))}, databaseUrl: "${url}"`);
  const folder = await mkdtemp(join(tmpdir(), "loopwright-docs-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "my-team.test.ts"), source);
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"] };
  const ran = spawnSync(process.execPath, ["--test", "--test-reporter=tap", join(folder, "my-team.test.ts")], { env, encoding: "utf8", timeout: 60_000 });
  assert.match(ran.stdout, /^# pass 2$/m, ran.stdout + ran.stderr);
  assert.equal(ran.status, 0, ran.stdout);
});
