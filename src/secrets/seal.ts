import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { canonicalJson } from "#src/kernel/canonical-json.ts";
import type { SealingKey } from "./key-file.ts";

/** Where a sealed value belongs. Sealed together with it, so that a row moved elsewhere does not open. */
export interface Belonging {
  readonly workspaceId: string;
  readonly name: string;
  readonly version: number;
}

export interface Sealed {
  readonly nonce: Buffer;
  /** With the tag at its end. */
  readonly ciphertext: Buffer;
}

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM with a random nonce (NIST SP 800-38D: safe for 2^32 values under one key). */
export function seal(key: SealingKey, where: Belonging, value: string): Sealed {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key.bytes, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(aadOf(where));
  return { nonce, ciphertext: Buffer.concat([cipher.update(value, "utf8"), cipher.final(), cipher.getAuthTag()]) };
}

/** Null: it was changed, or belongs elsewhere. */
export function unseal(key: SealingKey, where: Belonging, sealed: Sealed): string | null {
  const cut = sealed.ciphertext.length - TAG_BYTES;
  if (cut < 0 || sealed.nonce.length !== NONCE_BYTES) return null;
  const decipher = createDecipheriv(CIPHER, key.bytes, sealed.nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(aadOf(where));
  decipher.setAuthTag(sealed.ciphertext.subarray(cut));
  const text = decipher.update(sealed.ciphertext.subarray(0, cut));
  try {
    return Buffer.concat([text, decipher.final()]).toString("utf8");
  } catch {
    return null; // final() throws for a wrong tag and for nothing else
  }
}

const aadOf = ({ workspaceId, name, version }: Belonging): Buffer => Buffer.from(canonicalJson([workspaceId, name, version]));
