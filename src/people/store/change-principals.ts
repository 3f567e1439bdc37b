import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";
import type { PrincipalId } from "#src/kernel/ids.ts";
import type { Principal } from "../principal.ts";

export type NewPrincipal = Pick<Principal, "id" | "handle" | "kind" | "displayName" | "roles" | "groups" | "languages" | "looksAfter" | "source">;

/** False when the handle is taken. */
export async function insertPrincipal(tx: Transaction, principal: NewPrincipal): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    insert into principals (id, handle, kind, display_name, roles, groups, languages, labels, source, created_at)
    values (${principal.id}, ${principal.handle}, ${principal.kind}, ${principal.displayName}, ${principal.roles}::text[], ${principal.groups}::text[], ${principal.languages}::text[],
            ${JSON.stringify(principal.looksAfter)}::jsonb, ${principal.source}, loop_now())
    on conflict (handle) do nothing returning id`.execute(tx);
  return rows.length === 1;
}

/** Makes a principal of the workspace what the team file says, and lets it act again if it was disabled. One that the server made is left alone. */
export async function updateFromTeam(tx: Transaction, principal: NewPrincipal): Promise<void> {
  await sql`
    update principals set kind = ${principal.kind}, display_name = ${principal.displayName}, roles = ${principal.roles}::text[], groups = ${principal.groups}::text[],
      languages = ${principal.languages}::text[], labels = ${JSON.stringify(principal.looksAfter)}::jsonb, disabled_at = null
    where id = ${principal.id} and source = 'workspace'`.execute(tx);
}

/** From the next request on their tokens open nothing. */
export async function disablePrincipals(tx: Transaction, ids: readonly PrincipalId[]): Promise<void> {
  await sql`update principals set disabled_at = loop_now() where id = any(${ids}::text[]) and source = 'workspace' and disabled_at is null`.execute(tx);
}

/** Two servers that start at once on a fresh database make one owner. */
export async function lockOwners(tx: Transaction): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('loopwright people'), hashtext('owner'))`.execute(tx);
}
