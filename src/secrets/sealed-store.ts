import { randomBytes } from "node:crypto";
import { type Db, inTransaction, type Transaction } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { createKeyFile, KEY_BYTES, readKeys, replaceKeys, type SealingKey, sealingKey } from "./key-file.ts";
import { isSecretName } from "./reference.ts";
import { seal, unseal } from "./seal.ts";
import { versionInForce, versionsInForce } from "./store/in-force.ts";
import { insertVersion } from "./store/insert.ts";
import { keyIdsInForce } from "./store/key-ids.ts";
import { listSecrets, type SecretEntry } from "./store/list.ts";
import { lockSecrets } from "./store/lock.ts";
import { nextVersion } from "./store/next-version.ts";
import { resealVersions } from "./store/reseal.ts";
import { retireVersion } from "./store/retire.ts";
import type { SealedRow } from "./store/sealed-row.ts";
import { unavailable } from "./unavailable.ts";
import { requireValue } from "./value.ts";

const NEW_VALUE = "a new value";

/** What was done to the sealed secrets: for the journal. */
export type SecretChange =
  | { readonly kind: "secret.set" | "secret.rotated" | "secret.removed"; readonly name: string; readonly version: number }
  | { readonly kind: "secrets.rewrapped"; readonly secrets: number; readonly keyId: string };

export interface SealedStoreOptions {
  readonly db: Db;
  /** Sealed into every value: under another id nothing opens, so it never changes in the life of a workspace. */
  readonly workspaceId: string;
  /** Absolute. Made, readable by its owner only, when the first value is sealed. */
  readonly keyFile: string;
  /** Called in the transaction of the change. */
  readonly record?: (db: Transaction, change: SecretChange) => Promise<void>;
}

/** Secrets in the database, sealed with a key that is not in it. One version of a name is in force; the value of an earlier one is gone. */
export interface SealedStore {
  /** Null: no such secret. @throws LoopError secret_unavailable when it cannot be opened */
  read(name: string): Promise<string | null>;
  /** Sets a new value, whether or not there was one, and gives its version. @throws LoopError input_invalid | secret_unavailable */
  set(name: string, value: string): Promise<number>;
  /** As `set`, for a secret that must exist. @throws LoopError secret_unknown | input_invalid | secret_unavailable */
  rotate(name: string, value: string): Promise<number>;
  /** Needs no key. @throws LoopError secret_unknown */
  remove(name: string): Promise<void>;
  list(): Promise<readonly SecretEntry[]>;
  /** Seals everything with a new key (32 bytes; random when left out) and takes the old ones out of the file. Killed at any point, all stays readable; call it again. */
  rewrap(newKey?: Buffer): Promise<{ readonly secrets: number; readonly keyId: string }>;
}

/** @throws nothing: database and file are first used by the methods */
export function createSealedStore(options: SealedStoreOptions): SealedStore {
  const { db, workspaceId } = options;
  const known = new Map<string, SealingKey>();

  const keyOf = async (row: SealedRow): Promise<SealingKey> => {
    if (!known.has(row.keyId)) for (const key of (await readKeys(options.keyFile)) ?? []) known.set(key.id, key);
    const key = known.get(row.keyId);
    if (!key) throw keyMissing(row.name, row.keyId, options.keyFile);
    return key;
  };
  const open = async (row: SealedRow): Promise<string> => {
    const value = unseal(await keyOf(row), { workspaceId, name: row.name, version: row.version }, row);
    if (value === null)
      throw unavailable({ name: row.name, source: "the sealed store", why: "its row was changed, or belongs to another workspace. Set it anew." });
    return value;
  };

  return {
    async read(name) {
      const row = await versionInForce(db, name);
      return row === null ? null : open(row);
    },
    set: (name, value) => put(options, { name, value, mustExist: false }),
    rotate: (name, value) => put(options, { name, value, mustExist: true }),
    async remove(name) {
      await inTransaction(db, async (tx) => {
        await lockSecrets(tx);
        const version = await retireVersion(tx, name);
        if (version === null) throw unknown(name);
        await options.record?.(tx, { kind: "secret.removed", name, version });
      });
    },
    list: () => listSecrets(db),
    rewrap: (newKey) => rewrap(options, { open, newKey: newKey ?? randomBytes(KEY_BYTES) }),
  };
}

async function put(options: SealedStoreOptions, wanted: { name: string; value: string; mustExist: boolean }): Promise<number> {
  const { name, value, mustExist } = wanted;
  if (!isSecretName(name)) {
    throw new LoopError(
      "input_invalid",
      "That is no name for a secret. Expected lower-case letters, digits, _, . and -, 64 at most, starting with a letter or digit.",
    );
  }
  requireValue(name, value);
  return inTransaction(options.db, async (tx) => {
    await lockSecrets(tx);
    const { version, isInForce } = await nextVersion(tx, name);
    if (mustExist && !isInForce) throw unknown(name);
    const key = await newestKey(tx, options.keyFile);
    await retireVersion(tx, name);
    await insertVersion(tx, { name, version, keyId: key.id, ...seal(key, { workspaceId: options.workspaceId, name, version }, value) });
    await options.record?.(tx, { kind: isInForce ? "secret.rotated" : "secret.set", name, version });
    return version;
  });
}

/** The key to seal with. The file is made only while nothing depends on one that is lost, and a host with an outdated file seals nothing. */
async function newestKey(tx: Transaction, keyFile: string): Promise<SealingKey> {
  const inUse = await keyIdsInForce(tx);
  if (inUse.length === 0 && (await readKeys(keyFile)) === null) await createKeyFile(keyFile);
  const keys = (await readKeys(keyFile)) ?? [];
  const lost = inUse.find(({ keyId }) => !keys.some((key) => key.id === keyId));
  if (lost) throw keyMissing(NEW_VALUE, lost.keyId, keyFile);
  return keys.at(-1)!;
}

/*
 * The order that makes this safe to kill: the new key is in the file before any row needs it (both stand there meanwhile); all rows move in one
 * transaction; only then, seen from the rows themselves, the keys that no row needs leave the file. All under the lock that writers take.
 */
async function rewrap(
  options: SealedStoreOptions,
  how: { open: (row: SealedRow) => Promise<string>; newKey: Buffer },
): Promise<{ secrets: number; keyId: string }> {
  const { db, workspaceId, keyFile } = options;
  if (how.newKey.length !== KEY_BYTES) throw new LoopError("input_invalid", `A sealing key has ${KEY_BYTES} bytes; this one has ${how.newKey.length}.`);
  const key = sealingKey(how.newKey);
  const secrets = await inTransaction(db, async (tx) => {
    await lockSecrets(tx);
    const rows = await versionsInForce(tx);
    const plain = await Promise.all(rows.map(how.open));
    const others = ((await readKeys(keyFile)) ?? []).filter(({ id }) => id !== key.id);
    await replaceKeys(keyFile, [...others, key]);
    failpoint("secrets.rewrap.key-added");
    const sealed = rows.map((row, at) => ({ ...row, keyId: key.id, ...seal(key, { workspaceId, name: row.name, version: row.version }, plain[at]!) }));
    await resealVersions(tx, sealed);
    await options.record?.(tx, { kind: "secrets.rewrapped", secrets: rows.length, keyId: key.id });
    return rows.length;
  });
  failpoint("secrets.rewrap.resealed");
  await inTransaction(db, async (tx) => {
    await lockSecrets(tx);
    const inUse = await keyIdsInForce(tx);
    const keys = (await readKeys(keyFile)) ?? [];
    await replaceKeys(
      keyFile,
      keys.filter((one, at) => at === keys.length - 1 || inUse.some(({ keyId }) => keyId === one.id)),
    );
  });
  return { secrets, keyId: key.id };
}

const unknown = (name: string) => new LoopError("secret_unknown", `There is no sealed secret ${JSON.stringify(name.slice(0, 64))}. See \`loop secrets list\`.`);

const keyMissing = (name: string, keyId: string, keyFile: string) =>
  unavailable({
    subject: name === NEW_VALUE ? "A place for a new value is" : `The secret ${name} is`,
    name,
    source: "the sealed store",
    why: `key ${keyId} is needed, and ${keyFile} does not hold it. Put that file back, or copy it from the host where the keys were changed; without it, remove what it sealed and set it anew.`,
  });
