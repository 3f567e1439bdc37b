import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { sql } from "kysely";
import { KEY_BYTES, readKeys, replaceKeys, sealingKey } from "./key-file.ts";
import { createSealedStore, type SealedStoreOptions, type SecretChange } from "./sealed-store.ts";
import { type TestDatabase, testDatabase } from "#src/testing/database.ts";

interface Site extends TestDatabase {
  readonly keyFile: string;
  readonly options: SealedStoreOptions;
}

async function site(t: TestContext): Promise<Site> {
  const database = await testDatabase(t);
  const folder = await mkdtemp(join(tmpdir(), "loopwright-sealed-"));
  t.after(() => rm(folder, { recursive: true }));
  const keyFile = join(folder, "keys", "secrets.key");
  return { ...database, keyFile, options: { db: database.db, workspaceId: "home-1", keyFile } };
}

const keyIds = async (keyFile: string) => (await readKeys(keyFile))?.map((key) => key.id);

test("a value is kept sealed, has versions, and an old one is gone at once", async (t) => {
  const home = await site(t);
  const { db, options } = home;
  const store = createSealedStore(options);
  assert.equal(await store.read("github"), null);
  assert.equal(await store.set("github", "value-number-1"), 1);
  await home.advance(60_000);
  assert.equal(await store.rotate("github", "value-number-2"), 2);
  assert.equal(await store.set("slack", "value-number-3"), 1);
  assert.deepEqual([await store.read("github"), await store.read("slack")], ["value-number-2", "value-number-3"]);

  await home.advance(5_000);
  const listed = (await store.list()).map(({ name, version, ageMs, retiredVersions }) => ({
    name,
    version,
    seconds: Math.floor(ageMs / 1_000),
    retiredVersions,
  }));
  assert.deepEqual(listed, [
    { name: "github", version: 2, seconds: 5, retiredVersions: 1 },
    { name: "slack", version: 1, seconds: 5, retiredVersions: 0 },
  ]);
  const { rows } = await sql<{
    row: string;
    isEmpty: boolean;
  }>`select secrets::text as row, ciphertext is null as "isEmpty" from secrets order by name, version`.execute(db);
  assert.deepEqual(
    rows.map((row) => row.isEmpty),
    [true, false, false],
  );
  assert.ok(!rows.some(({ row }) => row.includes(Buffer.from("value-number").toString("hex")) || row.includes("value-number")));
});

test("a removed secret is gone, and its version numbers do not come back", async (t) => {
  const { options } = await site(t);
  const store = createSealedStore(options);
  await store.set("github", "value-number-1");
  await store.remove("github");
  assert.deepEqual([await store.read("github"), await store.list()], [null, []]);
  const unknown = { code: "secret_unknown", message: 'There is no sealed secret "github". See `loop secrets list`.' };
  await assert.rejects(store.remove("github"), unknown);
  await assert.rejects(store.rotate("github", "value-number-2"), unknown);
  assert.equal(await store.set("github", "value-number-2"), 2);
});

test("short values, bad names and keys of another size are refused, and the value is not in the error", async (t) => {
  const { options, keyFile } = await site(t);
  const store = createSealedStore(options);
  await assert.rejects(store.set("github", "Canary7"), {
    code: "input_invalid",
    message: "The secret github was not kept: the value has 7 characters, and fewer than 8 cannot be kept out of logs.",
    facts: { name: "github", length: 7 },
  });
  for (const name of ["", "A", "../x", "a:b", "x".repeat(65)]) await assert.rejects(store.set(name, "value-number-1"), { code: "input_invalid" });
  for (const value of ["x".repeat(65_537), "value\0number", "value-\uD800-number", "value-\uFFFD-number", " \t\n     \n"])
    await assert.rejects(store.set("github", value), { code: "input_invalid" });
  await assert.rejects(store.rewrap(Buffer.alloc(16)), { code: "input_invalid", message: "A sealing key has 32 bytes; this one has 16." });
  assert.deepEqual([await store.list(), await readKeys(keyFile)], [[], null]);
});

test("many stores that set at once, on a home without keys, end with one key, and every version is its own", async (t) => {
  const { options, keyFile } = await site(t);
  const versions = await Promise.all(Array.from({ length: 8 }, (_, at) => createSealedStore(options).set("github", `value-number-${at}`)));
  assert.deepEqual(
    versions.toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  assert.equal((await readKeys(keyFile))?.length, 1);
  assert.equal(await createSealedStore(options).read("github"), `value-number-${versions.indexOf(8)}`);
});

test("a row that was moved to another name, version or workspace does not open", async (t) => {
  const { db, options } = await site(t);
  const store = createSealedStore(options);
  const refused = (name: string) => ({
    code: "secret_unavailable",
    message: `The secret ${name} is not available from the sealed store: its row was changed, or belongs to another workspace. Set it anew.`,
  });
  await store.set("github", "value-number-1");
  await store.set("slack", "value-number-2");
  await assert.rejects(createSealedStore({ ...options, workspaceId: "home-2" }).read("github"), refused("github"));
  await sql`update secrets s set nonce = o.nonce, ciphertext = o.ciphertext from secrets o where s.name = 'github' and o.name = 'slack'`.execute(db);
  await assert.rejects(store.read("github"), refused("github"));
  await sql`update secrets set version = 2 where name = 'slack'`.execute(db);
  await assert.rejects(store.read("slack"), refused("slack"));
});

test("rewrapping changes every sealed form and the key, keeps every value, and other processes go on reading", async (t) => {
  const { db, options, keyFile } = await site(t);
  const [store, elsewhere] = [createSealedStore(options), createSealedStore(options)];
  await store.set("github", "value-number-1");
  await store.rotate("github", "value-number-2");
  await store.set("slack", "value-number-3");
  assert.equal(await elsewhere.read("slack"), "value-number-3");
  const before = await sql<{ ciphertext: Buffer }>`select ciphertext from secrets where retired_at is null`.execute(db);
  const newKey = Buffer.alloc(KEY_BYTES, 5);

  assert.deepEqual(await store.rewrap(newKey), { secrets: 2, keyId: sealingKey(newKey).id });

  const after = await sql<{ ciphertext: Buffer; keyId: string }>`select ciphertext, key_id as "keyId" from secrets where retired_at is null`.execute(db);
  assert.ok(after.rows.every((row) => row.keyId === sealingKey(newKey).id && !before.rows.some((old) => old.ciphertext.equals(row.ciphertext))));
  assert.deepEqual(await keyIds(keyFile), [sealingKey(newKey).id]);
  for (const reader of [store, elsewhere, createSealedStore(options)])
    assert.deepEqual([await reader.read("github"), await reader.read("slack")], ["value-number-2", "value-number-3"]);
  assert.equal(await elsewhere.rotate("slack", "value-number-4"), 2);
  assert.deepEqual(await keyIds(keyFile), [sealingKey(newKey).id]);
});

test("a rewrap that dies between its steps loses nothing, and the next one finishes it", async (t) => {
  const { options, keyFile } = await site(t);
  const store = createSealedStore(options);
  await store.set("github", "value-number-1");
  const [old] = (await readKeys(keyFile))!;
  const added = sealingKey(Buffer.alloc(KEY_BYTES, 6));
  await replaceKeys(keyFile, [old!, added]); // as it stands when the rows were not moved

  const after = createSealedStore(options);
  assert.equal(await after.read("github"), "value-number-1");
  await after.set("slack", "value-number-2");
  assert.deepEqual([await after.read("github"), await after.read("slack")], ["value-number-1", "value-number-2"]);

  const { keyId } = await after.rewrap();
  assert.deepEqual(await keyIds(keyFile), [keyId]);
  assert.deepEqual([await after.read("github"), await createSealedStore(options).read("slack")], ["value-number-1", "value-number-2"]);
});

test("rewraps and writes at once leave every value readable with the keys in the file", async (t) => {
  const { options, keyFile } = await site(t);
  await createSealedStore(options).set("start", "value-number-0");
  await Promise.all([
    ...Array.from({ length: 4 }, () => createSealedStore(options).rewrap()),
    ...Array.from({ length: 6 }, (_, at) => createSealedStore(options).set(`name-${at}`, `value-number-${at}`)),
  ]);
  const fresh = createSealedStore(options);
  const values = await Promise.all(Array.from({ length: 6 }, (_, at) => fresh.read(`name-${at}`)));
  assert.deepEqual([await fresh.read("start"), ...values], ["value-number-0", ...values.map((_, at) => `value-number-${at}`)]);
  await fresh.rewrap();
  assert.equal((await keyIds(keyFile))?.length, 1);
});

test("without the key file nothing opens, nothing new is sealed with another key, and removing still works", async (t) => {
  const { options, keyFile } = await site(t);
  await createSealedStore(options).set("github", "value-number-1");
  const content = await readFile(keyFile, "utf8");
  const [{ id } = { id: "" }] = (await readKeys(keyFile))!;
  await rm(keyFile);
  const store = createSealedStore(options);
  const because = `key ${id} is needed, and ${keyFile} does not hold it. Put that file back, or copy it from the host where the keys were changed; without it, remove what it sealed and set it anew.`;
  await assert.rejects(store.read("github"), { code: "secret_unavailable", message: `The secret github is not available from the sealed store: ${because}` });
  await assert.rejects(store.set("slack", "value-number-2"), {
    code: "secret_unavailable",
    message: `A place for a new value is not available from the sealed store: ${because}`,
  });
  assert.equal(await readKeys(keyFile), null);
  await writeFile(keyFile, content, { mode: 0o600 });
  assert.equal(await store.read("github"), "value-number-1");
  await rm(keyFile);
  await createSealedStore(options).remove("github");
  assert.equal(await createSealedStore(options).set("github", "value-number-3"), 2);
});

test("each change is recorded in its own transaction: when that fails, nothing was changed", async (t) => {
  const { options } = await site(t);
  const changes: SecretChange[] = [];
  const store = createSealedStore({ ...options, record: (_, change) => Promise.resolve(void changes.push(change)) });
  await store.set("github", "value-number-1");
  await store.rotate("github", "value-number-2");
  const { keyId } = await store.rewrap();
  await store.remove("github");
  assert.deepEqual(changes, [
    { kind: "secret.set", name: "github", version: 1 },
    { kind: "secret.rotated", name: "github", version: 2 },
    { kind: "secrets.rewrapped", secrets: 1, keyId },
    { kind: "secret.removed", name: "github", version: 2 },
  ]);
  const failing = createSealedStore({ ...options, record: () => Promise.reject(new Error("the journal is full")) });
  await assert.rejects(failing.set("slack", "value-number-1"), /the journal is full/);
  assert.deepEqual(await store.list(), []);
});
