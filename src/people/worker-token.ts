import type { Db } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { ensureAgentPrincipal } from "./agent-principal.ts";
import { createToken } from "./token.ts";

const VALID_FOR_MS = 7 * 86_400_000;

/** A credential for one worker: it reads, and speaks for its run alone, for seven days at most and no longer than the run is open. */
export async function workerToken(
  db: Db,
  clock: Clock,
  { agent, runId, worker }: { readonly agent: string; readonly runId: RunId; readonly worker: string },
): Promise<string> {
  const principal = await ensureAgentPrincipal(db, clock, { name: agent, role: "worker" });
  const scopes = ["read", "pulse:work"] as const;
  const { value } = await createToken(db, clock, { principal, label: `worker ${worker}`, scopes, validForMs: VALID_FOR_MS, runId, by: "system" });
  return value;
}
