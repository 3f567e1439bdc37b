import { type Db, inTransaction, type Transaction } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { chainHash, sealBytes } from "./chain.ts";
import type { Signer } from "./signing.ts";
import { lockHead, readPosition, readUnsealed, tryLockSealing, type UnsealedEvent, writeBatch } from "./store/seal.ts";

export const BATCH_EVENTS = 1_000;

export interface Sealed {
  /** Events that got a position now. As many as {@link BATCH_EVENTS}: there may be more. */
  readonly sealed: number;
  /** The last position given, by whomever. */
  readonly position: number;
  /** Another sealer was at work, so nothing was tried. */
  readonly busy: boolean;
}

/**
 * Gives every visible event without a position, in id order, the next one, chains it, and signs the new head: one batch, one transaction. A cause is
 * committed, hence visible and of a lower id, before its effect is appended, so no effect is sealed before its cause; and an open transaction holds up
 * nothing but its own events. Safe to call anywhere at any time. @throws LoopError signing_key_unusable | database_unavailable
 */
export function sealOnce(db: Db, signer: Signer): Promise<Sealed> {
  return inTransaction(db, (tx) => sealBatch(tx, signer));
}

/** The body of {@link sealOnce}, for a transaction that has done nothing else. */
export async function sealBatch(tx: Transaction, signer: Signer): Promise<Sealed> {
  if (!(await tryLockSealing(tx))) return { sealed: 0, position: await readPosition(tx), busy: true };
  const events = await readUnsealed(tx, BATCH_EVENTS);
  if (events.length === 0) return { sealed: 0, position: await readPosition(tx), busy: false };
  const position = await chainAndSign(tx, signer, events);
  failpoint("journal.sealed");
  return { sealed: events.length, position, busy: false };
}

async function chainAndSign(tx: Transaction, signer: Signer, events: readonly UnsealedEvent[]): Promise<number> {
  const head = await lockHead(tx);
  let { position, hash } = head;
  const hashes = events.map((event) => {
    position += 1;
    hash = chainHash(hash, position, event.head);
    return hash.toString("hex");
  });
  const seal = { position, hash: hash.toString("hex"), at: head.at.toISOString(), keyId: signer.keyId };
  const signature = signer.sign(sealBytes(seal));
  const counts = await writeBatch(tx, { ids: events.map((event) => event.id), hashes, seal, signature });
  if (counts.signed !== 1) {
    throw new LoopError(
      "signing_key_unusable",
      `The journal cannot be sealed with ${signer.keyId}: the key is revoked or not registered. A server that starts registers its key; a revoked one must be rotated.`,
      {
        facts: { keyId: signer.keyId },
      },
    );
  }
  if (counts.sealed !== events.length || counts.moved !== 1)
    throw new Error(`the journal moved under its sealer: ${JSON.stringify({ ...counts, expected: events.length })}`);
  return position;
}
