import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import { type Instant, msOrNull } from "#src/database/instant.ts";
import type { RunId } from "#src/kernel/ids.ts";

export interface Claim {
  readonly name: string;
  /** Grows with each taking: whoever was overtaken holds a smaller one. */
  readonly fence: number;
  readonly session: string;
  readonly runId: RunId | null;
  /** Null: as long as its run is open. */
  readonly expiresAtMs: number | null;
}

interface ClaimRow {
  readonly name: string;
  readonly fence: string | number;
  readonly session: string;
  readonly run_id: RunId | null;
  readonly expires_at: Instant | null;
}

/** Who claims. `ttlMs` null: it lasts as long as the run is open. */
export interface ClaimWish {
  readonly name: string;
  readonly session: string;
  readonly principalId: string;
  readonly runId: RunId | null;
  readonly ttlMs: number | null;
}

/** Of a row `c` of claims: a holder counts while its run is open, or while its time is not over. */
export const IS_LIVE = sql`(c.session is not null and case when c.run_id is null then c.expires_at > loop_now()
  else exists (select from runs r where r.id = c.run_id and r.ended_at is null) end)`;

/** Takes the name, or renews it for who has it; undefined when somebody else who lives holds it. One statement: of two at once one wins. */
export async function takeClaim(tx: Db | Transaction, wish: ClaimWish): Promise<Claim | undefined> {
  const { rows } = await sql<ClaimRow>`
    insert into claims as c (name, fence, session, principal_id, run_id, claimed_at, expires_at)
    values (${wish.name}, 1, ${wish.session}, ${wish.principalId}, ${wish.runId}, loop_now(), loop_now() + ${wish.ttlMs}::float8 * interval '1 millisecond')
    on conflict (name) do update set
      fence = case when c.session = excluded.session and c.run_id is not distinct from excluded.run_id and ${IS_LIVE} then c.fence else c.fence + 1 end,
      session = excluded.session, principal_id = excluded.principal_id, run_id = excluded.run_id, claimed_at = loop_now(), expires_at = excluded.expires_at
    where not ${IS_LIVE} or (c.session = excluded.session and c.run_id is not distinct from excluded.run_id)
    returning c.name, c.fence, c.session, c.run_id, c.expires_at`.execute(tx);
  return rows[0] && toClaim(rows[0]);
}

/** Frees the name unless somebody else who lives holds it. Gives that holder; undefined: it is free now. */
export async function dropClaim(tx: Db | Transaction, { name, session, runId }: Pick<ClaimWish, "name" | "session" | "runId">): Promise<Claim | undefined> {
  await sql`
    update claims c set session = null, principal_id = null, run_id = null, expires_at = null
    where c.name = ${name} and c.session is not null and (not ${IS_LIVE} or (c.session = ${session} and c.run_id is not distinct from ${runId}))`.execute(tx);
  return (await liveClaims(tx)).find((claim) => claim.name === name);
}

/** All that are held by somebody who lives, by name. */
export async function liveClaims(db: Db | Transaction): Promise<Claim[]> {
  const { rows } = await sql<ClaimRow>`select c.name, c.fence, c.session, c.run_id, c.expires_at from claims c where ${IS_LIVE} order by c.name`.execute(db);
  return rows.map(toClaim);
}

/** Frees those whose holder is gone, and names them. */
export async function reapClaims(tx: Transaction): Promise<{ readonly name: string; readonly session: string }[]> {
  const { rows } = await sql<{ name: string; session: string }>`
    with gone as materialized (select c.name, c.session from claims c where c.session is not null and not ${IS_LIVE} order by c.name for update skip locked)
    update claims set session = null, principal_id = null, run_id = null, expires_at = null from gone where claims.name = gone.name
    returning gone.name, gone.session`.execute(tx);
  return rows;
}

const toClaim = (row: ClaimRow): Claim => ({
  name: row.name,
  fence: Number(row.fence),
  session: row.session,
  runId: row.run_id,
  expiresAtMs: msOrNull(row.expires_at),
});
