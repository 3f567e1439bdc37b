import { type Db, inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { newId } from "#src/kernel/ids.ts";
import type { Principal } from "./principal.ts";
import type { Role } from "./role.ts";
import { insertPrincipal } from "./store/change-principals.ts";
import { principalByHandle, requirePrincipal } from "./store/principals.ts";

/** `agent:<name>`: no file of a team can give a handle with a colon. */
const agentHandle = (name: string): string => `agent:${name}`;

/** The principal of an agent that speaks for itself; made where there is none. Safe to call from several servers at once. */
export async function ensureAgentPrincipal(db: Db, clock: Clock, { name, role }: { name: string; role: Role & ("agent" | "worker") }): Promise<Principal> {
  const handle = agentHandle(name);
  const known = await principalByHandle(db, handle);
  if (known) return known;
  return inTransaction(db, async (tx) => {
    const id = newId("prn", clock.nowMs());
    const made = { id, handle, kind: "agent", displayName: name, roles: [role], groups: [], languages: [], looksAfter: {}, source: "server" } as const;
    if (await insertPrincipal(tx, made)) {
      await append(tx, clock, [{ kind: "principal.changed", actor: "system", payload: { what: "created", handle, roles: [role], source: "server" } }]);
    }
    return requirePrincipal(tx, handle);
  });
}
