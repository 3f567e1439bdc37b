import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { LoopError } from "#src/kernel/errors.ts";
import { damaged } from "./backup-tar.ts";
import type { Home } from "./home.ts";

/** Name in the backup → file of the home: the key that signs receipts and seals, and those that open the sealed secrets. */
export const keyFilesOf = (home: Pick<Home, "keys">, secretsKeyFile: string): Readonly<Record<string, string>> => ({
  "signing.pem": join(home.keys, "signing.pem"),
  "secrets.key": secretsKeyFile,
});

/** The contents of those that are there. */
export async function readKeyFiles(files: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, path] of Object.entries(files)) {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (text !== undefined) found[name] = text;
  }
  return found;
}

/** https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html: 128 MB and a third of a second for each guess. */
const COST = { N: 131_072, r: 8, p: 1 };
const MOST_MEMORY_BYTES = 268_435_456;
const CIPHER = "aes-256-gcm";

interface Sealed {
  readonly kdf: "scrypt";
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: string;
  readonly cipher: typeof CIPHER;
  readonly nonce: string;
  readonly text: string;
  readonly tag: string;
}

const SHORTEST_PASSPHRASE = 8;

/** Seals the keys under a passphrase, bound to the home they belong to. @throws LoopError input_invalid for a passphrase of less than eight characters */
export async function sealKeys(keys: Readonly<Record<string, string>>, { passphrase, homeId }: { passphrase: string; homeId: string }): Promise<string> {
  if (passphrase.length < SHORTEST_PASSPHRASE) {
    throw new LoopError(
      "input_invalid",
      `The passphrase has ${passphrase.length} characters; at least ${SHORTEST_PASSPHRASE} are needed. Leave it out to leave the keys out.`,
    );
  }
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const cipher = createCipheriv(CIPHER, await keyFrom(passphrase, salt, COST), nonce).setAAD(Buffer.from(homeId));
  const text = Buffer.concat([cipher.update(JSON.stringify(keys), "utf8"), cipher.final()]);
  const base64 = { salt: salt.toString("base64"), nonce: nonce.toString("base64"), text: text.toString("base64"), tag: cipher.getAuthTag().toString("base64") };
  return JSON.stringify({ kdf: "scrypt", ...COST, cipher: CIPHER, ...base64 } satisfies Sealed);
}

/** @throws LoopError backup_locked for another passphrase, backup_invalid for what was not sealed here */
export async function unsealKeys(text: string, { passphrase, homeId }: { passphrase: string; homeId: string }): Promise<Record<string, string>> {
  const sealed = readSealed(text);
  const key = await keyFrom(passphrase, Buffer.from(sealed.salt, "base64"), sealed);
  const decipher = createDecipheriv(CIPHER, key, Buffer.from(sealed.nonce, "base64"), { authTagLength: 16 }).setAAD(Buffer.from(homeId));
  decipher.setAuthTag(Buffer.from(sealed.tag, "base64"));
  try {
    const opened = Buffer.concat([decipher.update(Buffer.from(sealed.text, "base64")), decipher.final()]);
    return JSON.parse(opened.toString("utf8")) as Record<string, string>;
  } catch (cause) {
    throw new LoopError(
      "backup_locked",
      "The keys in the backup do not open with this passphrase. Give the one that the backup was made with. Nothing was restored.",
      { cause },
    );
  }
}

function readSealed(text: string): Sealed {
  const sealed = JSON.parse(text) as Partial<Sealed>;
  const isAffordable =
    [sealed.N, sealed.r, sealed.p].every((cost) => Number.isInteger(cost) && cost! > 0) && 128 * sealed.N! * sealed.r! * sealed.p! < MOST_MEMORY_BYTES;
  const texts = [sealed.salt, sealed.nonce, sealed.text, sealed.tag].every((value) => typeof value === "string");
  if (sealed.kdf === "scrypt" && sealed.cipher === CIPHER && isAffordable && texts) return sealed as Sealed;
  throw damaged("its sealed keys were not sealed by this program");
}

function keyFrom(passphrase: string, salt: Buffer, { N, r, p }: typeof COST): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize("NFKC"), salt, 32, { N, r, p, maxmem: MOST_MEMORY_BYTES }, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
