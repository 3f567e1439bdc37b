import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

/** The number of the next version, and whether one is in force now. Numbers go on after a removal. The caller holds the lock. */
export async function nextVersion(db: Transaction, name: string): Promise<{ readonly version: number; readonly isInForce: boolean }> {
  const { rows } = await sql<{ version: number; isInForce: boolean }>`
    select coalesce(max(version), 0) + 1 as version, count(*) filter (where retired_at is null) > 0 as "isInForce" from secrets where name = ${name}`.execute(
    db,
  );
  return rows[0]!;
}
