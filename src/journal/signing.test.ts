import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { heldClock } from "#src/testing/held-clock.ts";
import { testDatabase } from "#src/testing/database.ts";
import { isSignedBy, readPublicKey } from "./keys.ts";
import { sealOnce } from "./seal.ts";
import { KEY_FILE, openSigner, revokeKey, rotateSigner } from "./signing.ts";
import { append } from "./store/append.ts";
import { listKeys } from "./store/keys.ts";
import { verifyJournal } from "./verify.ts";

const clock = heldClock();
const host = "here";

async function keyFolder(t: TestContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "loopwright-keys-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  return join(home, "keys");
}

test("processes that race for the key of a home end with one, readable by its owner alone", async (t) => {
  const folder = await keyFolder(t);
  const signers = await Promise.all(Array.from({ length: 12 }, () => openSigner({ keyFolder: folder, host })));
  assert.equal(new Set(signers.map((signer) => signer.publicKey)).size, 1);
  assert.deepEqual(await readdir(folder), [KEY_FILE]);
  assert.equal((await stat(join(folder, KEY_FILE))).mode & 0o777, 0o600);
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
  assert.equal((await openSigner({ keyFolder: folder, host })).keyId, signers[0]!.keyId);
});

test("what a signer signs is checked with its public key, whose id is its fingerprint", async (t) => {
  const signer = await openSigner({ keyFolder: await keyFolder(t), host });
  const key = readPublicKey(signer.publicKey)!;
  const bytes = Buffer.from("words");
  assert.equal(key.keyId, signer.keyId);
  assert.match(signer.keyId, /^sgn_[0-9a-f]{32}$/);
  assert.equal(isSignedBy(key, bytes, signer.sign(bytes)), true);
  assert.equal(isSignedBy(key, Buffer.from("other"), signer.sign(bytes)), false);
  assert.equal(isSignedBy(key, bytes, Buffer.alloc(3)), false);
});

test("the public half is registered once, for its host", async (t) => {
  const { db } = await testDatabase(t);
  const folder = await keyFolder(t);
  const signer = await openSigner({ keyFolder: folder, db, host });
  await openSigner({ keyFolder: folder, db, host });
  assert.deepEqual(
    (await listKeys(db)).map(({ keyId, publicKey, host: of, revokedAt }) => ({ keyId, publicKey, host: of, revokedAt })),
    [{ keyId: signer.keyId, publicKey: signer.publicKey, host, revokedAt: null }],
  );
});

test("a key that others may read, or that is no Ed25519 key, is refused with what to do", async (t) => {
  const folder = await keyFolder(t);
  await openSigner({ keyFolder: folder, host });
  const file = join(folder, KEY_FILE);
  await chmod(file, 0o640);
  await assert.rejects(openSigner({ keyFolder: folder, host }), { code: "signing_key_unusable", message: /mode 640; expected 600.*chmod 600/ });
  await chmod(file, 0o600);
  for (const wrong of ["", "nonsense", generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" })]) {
    await writeFile(file, wrong);
    await assert.rejects(openSigner({ keyFolder: folder, host }), { code: "signing_key_unusable", message: /not an Ed25519 private key/ });
  }
});

test("a rotated key's seals stay valid, and its private half is gone", async (t) => {
  const { db } = await testDatabase(t);
  const folder = await keyFolder(t);
  const old = await openSigner({ keyFolder: folder, db, host });
  const oldText = await readFile(join(folder, KEY_FILE), "utf8");
  await append(db, clock, [{ kind: "run.queued", actor: "system" }]);
  await sealOnce(db, old);
  const next = await rotateSigner({ keyFolder: folder, db, host, clock, actor: "system" });
  assert.notEqual(next.keyId, old.keyId);
  assert.equal((await openSigner({ keyFolder: folder, db, host })).keyId, next.keyId);
  assert.notEqual(await readFile(join(folder, KEY_FILE), "utf8"), oldText);
  assert.deepEqual(await readdir(folder), [KEY_FILE]);
  await sealOnce(db, next);
  assert.deepEqual(await verifyJournal(db), {
    kind: "verified",
    events: 2,
    erased: 0,
    unsealed: 0,
    keyIds: [old.keyId, next.keyId].toSorted(),
    trusted: false,
  });
});

test("a revoked key opens no more and seals no more; what it sealed before stands", async (t) => {
  const database = await testDatabase(t);
  const { db } = database;
  const folder = await keyFolder(t);
  const signer = await openSigner({ keyFolder: folder, db, host });
  await append(db, clock, [{ kind: "run.queued", actor: "system" }]);
  await sealOnce(db, signer);
  await database.advance(1_000);
  assert.equal(await revokeKey(db, clock, { keyId: signer.keyId, actor: "system" }), true);
  assert.equal(await revokeKey(db, clock, { keyId: signer.keyId, actor: "system" }), false);
  await assert.rejects(openSigner({ keyFolder: folder, db, host }), { code: "signing_key_unusable", message: /was revoked/ });
  await assert.rejects(sealOnce(db, signer), { code: "signing_key_unusable" });
  assert.deepEqual(await verifyJournal(db), { kind: "verified", events: 1, erased: 0, unsealed: 1, keyIds: [signer.keyId], trusted: false });
});
