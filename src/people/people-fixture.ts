import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { newId } from "#src/kernel/ids.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { Scope } from "./permission.ts";
import type { Principal } from "./principal.ts";
import type { Role } from "./role.ts";
import { insertPrincipal } from "./store/change-principals.ts";
import { requirePrincipal } from "./store/principals.ts";
import { createToken } from "./token.ts";
import type { TeamMember } from "./team.ts";

/** A principal that the server made, with these roles. */
export async function makePrincipal(db: Db, clock: Clock, { handle, roles }: { handle: string; roles: readonly Role[] }): Promise<Principal> {
  const id = newId("prn", clock.nowMs());
  await db
    .transaction()
    .execute((tx) =>
      insertPrincipal(tx, { id, handle, kind: "person", displayName: handle, roles, groups: [], languages: [], looksAfter: {}, source: "server" }),
    );
  return requirePrincipal(db, id);
}

export async function tokenFor(db: Db, clock: Clock, of: { principal: Principal; scopes?: readonly Scope[]; validForMs?: number }) {
  const { principal, scopes = ["*"], validForMs = null } = of;
  return createToken(db, clock, { principal, label: "test", scopes, validForMs, by: "system" });
}

export function member(id: string, more: Partial<TeamMember> = {}): TeamMember {
  return { id, name: id, roles: ["operator"], groups: [], languages: [], looksAfter: {}, identities: [], source: "teams/house.yaml", ...more };
}

/** Kind, actor and payload of every event so far, in order. */
export async function eventsOf(db: Db): Promise<{ kind: string; actor: string; payload: Json }[]> {
  const { rows } = await sql<{ kind: string; actor: string; body: string }>`
    select e.kind, e.actor, p.body from events e left join payloads p on p.event_id = e.id order by e.id`.execute(db);
  return rows.map(({ kind, actor, body }) => ({ kind, actor, payload: JSON.parse(body) as Json }));
}
