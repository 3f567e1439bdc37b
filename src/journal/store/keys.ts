import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { KeyId } from "../keys.ts";

/** The public half of a key that signs, or once signed, for a host. */
export interface SigningKey {
  readonly keyId: KeyId;
  /** SPKI, PEM. */
  readonly publicKey: string;
  readonly host: string;
  readonly createdAt: Date;
  /** What it signed before stands; what it signs after is refused. */
  readonly revokedAt: Date | null;
}

/** Safe to repeat. Gives the key as registered: it may have been revoked since. */
export async function registerKey(db: Db | Transaction, key: Pick<SigningKey, "keyId" | "publicKey" | "host">): Promise<SigningKey> {
  await sql`insert into signing_keys (id, public_key, host) values (${key.keyId}, ${key.publicKey}, ${key.host}) on conflict (id) do nothing`.execute(db);
  const { rows } = await sql<SigningKey>`
    select id as "keyId", public_key as "publicKey", host, created_at as "createdAt", revoked_at as "revokedAt" from signing_keys where id = ${key.keyId}`.execute(
    db,
  );
  return rows[0]!;
}

/** Every key, oldest first. */
export async function listKeys(db: Db | Transaction): Promise<SigningKey[]> {
  const { rows } = await sql<SigningKey>`
    select id as "keyId", public_key as "publicKey", host, created_at as "createdAt", revoked_at as "revokedAt" from signing_keys order by created_at, id`.execute(
    db,
  );
  return rows;
}

/** False when there is no such key or it was revoked before. */
export async function markRevoked(db: Db | Transaction, keyId: string): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`update signing_keys set revoked_at = loop_now() where id = ${keyId} and revoked_at is null returning id`.execute(
    db,
  );
  return rows.length === 1;
}
