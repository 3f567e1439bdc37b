import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createKeyFile, KEY_BYTES, readKeys, replaceKeys, sealingKey } from "./key-file.ts";

async function place(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-keys-"));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, "keys", "secrets.key");
}

test("the file is made whole, for its owner only, in a folder for its owner only", async (t) => {
  const path = await place(t);
  assert.equal(await readKeys(path), null);
  await createKeyFile(path);
  const modes = [(await stat(path)).mode & 0o777, (await stat(join(path, ".."))).mode & 0o777];
  assert.deepEqual(modes, [0o600, 0o700]);
  assert.deepEqual(
    (await readKeys(path))?.map((key) => key.bytes.length),
    [KEY_BYTES],
  );
  assert.deepEqual(await readdir(join(path, "..")), ["secrets.key"]);
});

test("when many make it at once, all end with the same key", async (t) => {
  const path = await place(t);
  const seen = await Promise.all(
    Array.from({ length: 20 }, async () => {
      await createKeyFile(path);
      return (await readKeys(path))?.map((key) => key.id);
    }),
  );
  assert.equal(new Set(seen.map(String)).size, 1);
  await createKeyFile(path);
  assert.deepEqual(
    (await readKeys(path))?.map((key) => key.id),
    seen[0],
  );
  assert.deepEqual(await readdir(join(path, "..")), ["secrets.key"]);
});

test("keys are replaced as a whole, newest last, and drafts of processes that died go away", async (t) => {
  const path = await place(t);
  await createKeyFile(path);
  await writeFile(`${path}.0123.draft`, "left behind");
  const keys = [sealingKey(Buffer.alloc(KEY_BYTES, 1)), sealingKey(Buffer.alloc(KEY_BYTES, 2))];
  await replaceKeys(path, keys);
  assert.deepEqual(await readKeys(path), keys);
  assert.deepEqual(await readdir(join(path, "..")), ["secrets.key"]);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("a file that others may open, or that holds no keys, is refused by path and never by content", async (t) => {
  const path = await place(t);
  await createKeyFile(path);
  const content = await readFile(path, "utf8");
  await chmod(path, 0o640);
  await assert.rejects(readKeys(path), {
    code: "secret_unavailable",
    message: `The sealing keys are not available from file:${path}: other accounts may open it. Run chmod 600 on it.`,
  });
  await chmod(path, 0o600);
  for (const broken of ["", "canary\n", content.slice(0, -4)]) {
    await writeFile(path, broken);
    await assert.rejects(readKeys(path), {
      message: `The sealing keys are not available from file:${path}: it does not hold keys. Put the file back that belongs to this database.`,
    });
  }
  await rm(path);
  await mkdir(path);
  await assert.rejects(readKeys(path), /it is not a regular file/);
});

test("a place that cannot be written is told with its reason", async (t) => {
  const path = await place(t);
  await symlink("/proc/nowhere", join(path, "..", "..", "keys"));
  await assert.rejects(createKeyFile(path), {
    code: "secret_unavailable",
    message: /it cannot be written \(E[A-Z]+\)\. The folder must be writable for this account\.$/,
  });
});

test("the id of a key says nothing about it but tells keys apart", () => {
  const [one, two] = [sealingKey(Buffer.alloc(KEY_BYTES, 1)), sealingKey(Buffer.alloc(KEY_BYTES, 2))];
  assert.notEqual(one.id, two.id);
  assert.match(one.id, /^[0-9a-f]{16}$/);
  assert.equal(sealingKey(Buffer.alloc(KEY_BYTES, 1)).id, one.id);
});
