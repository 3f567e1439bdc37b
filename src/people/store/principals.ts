import { type RawBuilder, sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { PrincipalId } from "#src/kernel/ids.ts";
import type { Principal } from "../principal.ts";

export interface PrincipalRow {
  readonly id: PrincipalId;
  readonly handle: string;
  readonly kind: Principal["kind"];
  readonly display_name: string;
  readonly roles: Principal["roles"];
  readonly groups: readonly string[];
  readonly languages: readonly string[];
  readonly labels: Principal["looksAfter"];
  readonly source: Principal["source"];
  readonly created_at: Date;
  readonly disabled_at: Date | null;
}

/** Everyone, disabled ones too, by handle. */
export const listPrincipals = (db: Db | Transaction): Promise<Principal[]> => select(db, sql`true`);

/** Disabled ones too. @throws LoopError principal_unknown */
export async function requirePrincipal(db: Db | Transaction, idOrHandle: string): Promise<Principal> {
  const [found] = await select(db, sql`p.id = ${idOrHandle} or p.handle = ${idOrHandle}`);
  if (found) return found;
  const seen = idOrHandle.slice(0, 80);
  throw new LoopError("principal_unknown", `There is nobody called ${seen}. \`loop people\` lists those there are.`, { facts: { principal: seen } });
}

/** Disabled ones too. */
export async function principalByHandle(db: Db | Transaction, handle: string): Promise<Principal | undefined> {
  const [found] = await select(db, sql`p.handle = ${handle}`);
  return found;
}

/** Who this user of a surface is; never a disabled principal. */
export async function findByIdentity(db: Db | Transaction, surface: string, externalId: string): Promise<Principal | undefined> {
  const [found] = await select(
    db,
    sql`p.disabled_at is null and p.id in (select principal_id from identities where surface = ${surface} and external_id = ${externalId})`,
  );
  return found;
}

/** The first owner that the server made, unless disabled. */
export async function findServerOwner(tx: Transaction): Promise<Principal | undefined> {
  const owners = await select(tx, sql`p.source = 'server' and 'owner' = any(p.roles) and p.disabled_at is null`);
  return owners.toSorted((a, b) => (a.id < b.id ? -1 : 1))[0];
}

/** Those of the workspace and those with one of the handles, locked until the transaction ends. */
export async function lockForTeam(tx: Transaction, handles: readonly string[]): Promise<Principal[]> {
  const { rows } = await sql<PrincipalRow>`
    select * from principals where source = 'workspace' or handle = any(${handles}::text[]) order by id for no key update`.execute(tx);
  return rows.map(toPrincipal);
}

async function select(db: Db | Transaction, condition: RawBuilder<unknown>): Promise<Principal[]> {
  const { rows } = await sql<PrincipalRow>`select p.* from principals p where ${condition} order by p.handle`.execute(db);
  return rows.map(toPrincipal);
}

export function toPrincipal(row: PrincipalRow): Principal {
  return {
    id: row.id,
    handle: row.handle,
    kind: row.kind,
    displayName: row.display_name,
    roles: row.roles,
    groups: row.groups,
    languages: row.languages,
    looksAfter: row.labels,
    source: row.source,
    createdAtMs: row.created_at.getTime(),
    disabledAtMs: row.disabled_at?.getTime() ?? null,
  };
}
