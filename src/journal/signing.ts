import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Db, inTransaction } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { type KeyId, keyIdOf } from "./keys.ts";
import { append } from "./store/append.ts";
import { markRevoked, registerKey } from "./store/keys.ts";

/** In the key folder of the home: an Ed25519 private key, PKCS #8 in PEM, readable by its owner alone. */
export const KEY_FILE = "signing.pem";

/** Signs with an Ed25519 key that it keeps to itself. */
export interface Signer {
  readonly keyId: KeyId;
  /** SPKI, PEM. */
  readonly publicKey: string;
  sign(bytes: Uint8Array): Buffer;
}

export function signerOf(privateKey: KeyObject): Signer {
  const publicKey = createPublicKey(privateKey);
  return {
    keyId: keyIdOf(publicKey),
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
    sign: (bytes) => sign(null, bytes, privateKey),
  };
}

export interface SignerPlace {
  readonly keyFolder: string;
  /** Where the public half is registered. Without it nothing is: a verifier of its own home's exports needs no database. */
  readonly db?: Db;
  /** Names this machine in the record. */
  readonly host: string;
}

/**
 * The key of this home, made at the first call; processes that race end with the same one.
 * @throws LoopError signing_key_unusable when the file is no such key, others may read it, or the key is revoked
 */
export async function openSigner({ keyFolder, db, host }: SignerPlace): Promise<Signer> {
  await mkdir(keyFolder, { recursive: true, mode: 0o700 });
  const file = join(keyFolder, KEY_FILE);
  const signer = signerOf((await readKey(file)) ?? (await makeKey(file)));
  if (db) await requireRegistered(db, signer, host);
  return signer;
}

async function requireRegistered(db: Db, signer: Signer, host: string): Promise<void> {
  const registered = await registerKey(db, { ...signer, host });
  if (registered.revokedAt === null) return;
  throw new LoopError(
    "signing_key_unusable",
    `The signing key ${signer.keyId} of this home was revoked on ${registered.revokedAt.toISOString()}. Rotate it before anything is signed again.`,
    {
      facts: { keyId: signer.keyId },
    },
  );
}

/** A new key takes the place of the old one, whose private half is gone; what the old one signed stays valid. Takes effect where the signer is opened next. */
export async function rotateSigner(place: SignerPlace & { readonly db: Db; readonly clock: Clock; readonly actor: string }): Promise<Signer> {
  const { keyFolder, db, host, clock, actor } = place;
  await mkdir(keyFolder, { recursive: true, mode: 0o700 });
  const file = join(keyFolder, KEY_FILE);
  const old = await readKey(file);
  const draft = await writeDraft(file);
  const signer = signerOf(draft.key);
  await inTransaction(db, async (tx) => {
    await registerKey(tx, { ...signer, host });
    await append(tx, clock, [{ kind: "signing_key.rotated", actor, payload: { keyId: signer.keyId, was: old ? signerOf(old).keyId : null, host } }]);
  });
  await rename(draft.file, file); // registered first: a crash between leaves a key that never signs, never a signature that nobody can check
  return signer;
}

/** From now on nothing that the key signs is accepted. False when there is no such key or it was revoked before. */
export function revokeKey(db: Db, clock: Clock, { keyId, actor }: { readonly keyId: string; readonly actor: string }): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const revoked = await markRevoked(tx, keyId);
    if (revoked) await append(tx, clock, [{ kind: "signing_key.revoked", actor, payload: { keyId } }]);
    return revoked;
  });
}

async function readKey(file: string): Promise<KeyObject | undefined> {
  const pem = await readIfThere(file);
  if (pem === undefined) return undefined;
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0) {
    throw new LoopError(
      "signing_key_unusable",
      `The signing key ${file} may be read by others (mode ${(mode & 0o777).toString(8)}; expected 600). Run: chmod 600 '${file}', and rotate it if someone may have read it.`,
    );
  }
  return parsePrivateKey(pem, file);
}

function parsePrivateKey(pem: string, file: string): KeyObject {
  const expected = `The signing key ${file} is not an Ed25519 private key in PEM. Restore it from a backup; or move it away, and a new one is made.`;
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch (cause) {
    throw new LoopError("signing_key_unusable", expected, { cause });
  }
  throw new LoopError("signing_key_unusable", expected);
}

/** The first of those who race; the link fails for the others, and no one ever sees a half-written key. */
async function makeKey(file: string): Promise<KeyObject> {
  const draft = await writeDraft(file);
  try {
    await link(draft.file, file);
    return draft.key;
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  } finally {
    await rm(draft.file, { force: true });
  }
  const theirs = await readKey(file);
  if (theirs) return theirs;
  throw new LoopError("signing_key_unusable", `The signing key ${file} vanished while it was read. Start again.`);
}

async function writeDraft(file: string): Promise<{ file: string; key: KeyObject }> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const draft = `${file}.${randomBytes(8).toString("hex")}`;
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(privateKey.export({ type: "pkcs8", format: "pem" }));
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { file: draft, key: privateKey };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw new LoopError("signing_key_unusable", `The signing key ${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

const hasCode = (error: unknown, code: string): boolean => (error as { code?: unknown } | null)?.code === code;
