import { hash as digest } from "node:crypto";
import { canonicalJson } from "#src/kernel/canonical-json.ts";
import type { KeyId } from "./keys.ts";

const HASH_BYTES = 32;

/** The hash before the first event. */
export const GENESIS = Buffer.alloc(HASH_BYTES);

/** hash(n) = SHA-256(hash(n-1) ‖ position as eight bytes, big-endian ‖ head as UTF-8). */
export function chainHash(previous: Uint8Array, position: number, head: string): Buffer {
  const bytes = Buffer.allocUnsafe(HASH_BYTES + 8 + Buffer.byteLength(head));
  bytes.set(previous, 0);
  bytes.writeBigUInt64BE(BigInt(position), HASH_BYTES);
  bytes.write(head, HASH_BYTES + 8, "utf8");
  return digest("sha256", bytes, "buffer");
}

/** A signed statement that the chain had this hash at this position. */
export interface Seal {
  readonly position: number;
  /** Hex. */
  readonly hash: string;
  /** ISO 8601 in UTC, with milliseconds. */
  readonly at: string;
  readonly keyId: KeyId;
}

/** The bytes that a seal's signature is over. */
export function sealBytes({ position, hash, at, keyId }: Seal): Buffer {
  return Buffer.from(canonicalJson({ position, hash, at, keyId }));
}
