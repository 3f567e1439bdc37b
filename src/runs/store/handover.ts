import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";
import type { Lease } from "#src/leases/lease.ts";
import type { RunBrief } from "../run.ts";

/** Another agent has a held run from here. */
export async function giveRun(
  tx: Transaction,
  lease: Lease,
  to: { readonly agent: string; readonly brief: RunBrief; readonly givers: readonly string[]; readonly lanes: readonly string[] },
): Promise<void> {
  await sql`
    update runs set agent = ${to.agent}, brief = ${JSON.stringify(to.brief)}::jsonb, lanes = ${to.lanes}::text[],
      limits = limits || ${JSON.stringify({ givers: to.givers })}::jsonb
    where id = ${lease.runId} and fence = ${lease.fence}`.execute(tx);
}
