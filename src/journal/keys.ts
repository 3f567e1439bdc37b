import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { sha256 } from "#src/kernel/canonical-json.ts";

/** `sgn_` and the first 32 hex digits of the SHA-256 of the public key (SPKI, DER): the fingerprint that people compare. */
export type KeyId = `sgn_${string}`;

export interface PublicKey {
  readonly keyId: KeyId;
  readonly key: KeyObject;
}

export function keyIdOf(key: KeyObject): KeyId {
  return `sgn_${sha256(key.export({ type: "spki", format: "der" })).slice(0, 32)}`;
}

/** undefined when the text is no Ed25519 public key in PEM; a private key is none. */
export function readPublicKey(pem: string): PublicKey | undefined {
  if (!pem.startsWith("-----BEGIN PUBLIC KEY-----")) return undefined;
  const key = parseKey(pem);
  return key?.asymmetricKeyType === "ed25519" ? { keyId: keyIdOf(key), key } : undefined;
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem);
  } catch {
    return undefined; // the caller says whose key could not be read
  }
}

/** Never throws: a signature of the wrong length is a wrong signature. */
export function isSignedBy(key: PublicKey, bytes: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, bytes, key.key, signature);
}

/** {@link isSignedBy} off the main thread, for many signatures in a process that serves others. */
export function isSignedByAsync(key: PublicKey, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
  return new Promise((resolve, reject) => {
    verify(null, bytes, key.key, signature, (error, holds) => (error ? reject(error) : resolve(holds)));
  });
}
