import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { PrincipalId } from "#src/kernel/ids.ts";

export interface Identity {
  readonly surface: string;
  readonly externalId: string;
  readonly principalId: PrincipalId;
}

/** Those of these principals, and whoever else has one of the wanted ones. */
export async function findIdentities(
  db: Db | Transaction,
  of: { readonly principalIds: readonly string[]; readonly wanted: readonly Identity[] },
): Promise<Identity[]> {
  const { rows } = await sql<Identity>`
    select surface, external_id as "externalId", principal_id as "principalId" from identities
    where principal_id = any(${of.principalIds}::text[])
      or (surface, external_id) in (select * from unnest(${of.wanted.map((one) => one.surface)}::text[], ${of.wanted.map((one) => one.externalId)}::text[]))
    order by surface, external_id`.execute(db);
  return rows;
}

export async function deleteIdentities(tx: Transaction, gone: readonly Identity[]): Promise<void> {
  await sql`
    delete from identities where (surface, external_id, principal_id) in (
      select * from unnest(${gone.map((one) => one.surface)}::text[], ${gone.map((one) => one.externalId)}::text[], ${gone.map((one) => one.principalId)}::text[]))`.execute(
    tx,
  );
}

export async function insertIdentities(tx: Transaction, added: readonly Identity[]): Promise<void> {
  await sql`
    insert into identities (surface, external_id, principal_id)
    select * from unnest(${added.map((one) => one.surface)}::text[], ${added.map((one) => one.externalId)}::text[], ${added.map((one) => one.principalId)}::text[])`.execute(
    tx,
  );
}
