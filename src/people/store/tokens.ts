import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { PrincipalId, RunId } from "#src/kernel/ids.ts";
import type { Caller, TokenId } from "../principal.ts";
import { type PrincipalRow, toPrincipal } from "./principals.ts";

/** What is known of a token: everything but its value. */
export interface Token {
  readonly id: TokenId;
  readonly principalId: PrincipalId;
  readonly handle: string;
  readonly label: string;
  readonly scopes: readonly string[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
}

export interface NewToken {
  readonly id: TokenId;
  readonly principalId: PrincipalId;
  readonly hash: Uint8Array;
  readonly label: string;
  readonly scopes: readonly string[];
  /** Null: until it is revoked. */
  readonly validForMs: number | null;
  readonly runId: RunId | null;
}

export async function insertToken(tx: Transaction, token: NewToken): Promise<void> {
  await sql`
    insert into tokens (id, principal_id, hash, label, scopes, run_id, created_at, expires_at)
    values (${token.id}, ${token.principalId}, ${Buffer.from(token.hash)}, ${token.label}, ${token.scopes}::text[], ${token.runId}, loop_now(),
            loop_now() + ${token.validForMs}::float8 * interval '1 millisecond')`.execute(tx);
}

/** False when it was revoked before. */
export async function revokeRow(tx: Transaction, tokenId: TokenId): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    update tokens set revoked_at = loop_now() where id = ${tokenId} and revoked_at is null returning id`.execute(tx);
  return rows.length === 1;
}

/** Of the bearer that a run is, when it is gone. */
export async function revokeTokensOfRun(tx: Transaction, runId: RunId): Promise<void> {
  await sql`update tokens set revoked_at = loop_now() where run_id = ${runId} and revoked_at is null`.execute(tx);
}

/** A token that a run is the bearer of counts while the run is open. */
const ITS_RUN_IS_OPEN = sql`(t.run_id is null or not exists (select from runs r where r.id = t.run_id and r.ended_at is not null))`;

type CallerRow = PrincipalRow & { readonly token_id: TokenId; readonly scopes: readonly string[]; readonly run_id: RunId | null };

/** Whose tokens have these digests, in hex, where they count now; by digest. */
export async function callersByHash(db: Db, hashes: readonly string[]): Promise<ReadonlyMap<string, Caller>> {
  const { rows } = await sql<CallerRow & { readonly hash: Buffer }>`
    select p.*, t.id as token_id, t.scopes, t.run_id, t.hash from tokens t join principals p on p.id = t.principal_id
    where t.hash = any(array(select decode(h, 'hex') from unnest(${hashes}::text[]) as h)) and t.revoked_at is null
      and (t.expires_at is null or t.expires_at > loop_now()) and p.disabled_at is null and ${ITS_RUN_IS_OPEN}`.execute(db);
  return new Map(rows.map(({ hash, ...row }) => [hash.toString("hex"), toCaller(row)]));
}

/** Which of these tokens count now, with the roles and scopes of now: for what stays open after it was let in. */
export async function callersInForce(db: Db, tokenIds: readonly TokenId[]): Promise<Caller[]> {
  const { rows } = await sql<CallerRow>`
    select p.*, t.id as token_id, t.scopes, t.run_id from tokens t join principals p on p.id = t.principal_id
    where t.id = any(${tokenIds}::text[]) and t.revoked_at is null and (t.expires_at is null or t.expires_at > loop_now()) and p.disabled_at is null
      and ${ITS_RUN_IS_OPEN}`.execute(db);
  return rows.map(toCaller);
}

/** Whether any token counts now. */
export async function tokenExists(db: Db): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    select exists (
      select from tokens t join principals p on p.id = t.principal_id
      where t.revoked_at is null and (t.expires_at is null or t.expires_at > loop_now()) and p.disabled_at is null
    ) as found`.execute(db);
  return rows[0]!.found;
}

interface TokenRow {
  readonly id: TokenId;
  readonly principal_id: PrincipalId;
  readonly handle: string;
  readonly label: string;
  readonly scopes: readonly string[];
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
}

/** Newest first, revoked and expired ones too; of one principal, or of all. */
export async function listTokens(db: Db | Transaction, principalId?: PrincipalId): Promise<Token[]> {
  const { rows } = await sql<TokenRow>`
    select t.id, t.principal_id, p.handle, t.label, t.scopes, t.created_at, t.expires_at, t.revoked_at
    from tokens t join principals p on p.id = t.principal_id
    where ${principalId ?? null}::text is null or t.principal_id = ${principalId ?? null} order by t.created_at desc, t.id desc`.execute(db);
  return rows.map(toToken);
}

/** @throws LoopError token_unknown */
export async function requireToken(db: Db | Transaction, tokenId: string): Promise<Token> {
  const { rows } = await sql<TokenRow>`
    select t.id, t.principal_id, p.handle, t.label, t.scopes, t.created_at, t.expires_at, t.revoked_at
    from tokens t join principals p on p.id = t.principal_id where t.id = ${tokenId}`.execute(db);
  if (rows[0]) return toToken(rows[0]);
  const seen = tokenId.slice(0, 80);
  throw new LoopError("token_unknown", `There is no token ${seen}. GET /v1/tokens lists those there are.`, { facts: { token: seen } });
}

function toCaller(row: CallerRow): Caller {
  return { ...toPrincipal(row), tokenId: row.token_id, scopes: row.scopes, runId: row.run_id };
}

function toToken(row: TokenRow): Token {
  return {
    id: row.id,
    principalId: row.principal_id,
    handle: row.handle,
    label: row.label,
    scopes: row.scopes,
    createdAtMs: row.created_at.getTime(),
    expiresAtMs: row.expires_at?.getTime() ?? null,
    revokedAtMs: row.revoked_at?.getTime() ?? null,
  };
}
