import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";

/** By the clock of the database, from which periods are reckoned. */
export async function recordNowMs(db: Db): Promise<number> {
  const { rows } = await sql<{ now: Date }>`select loop_now() as now`.execute(db);
  return rows[0]!.now.getTime();
}

export interface Raise {
  readonly periodId: string;
  readonly nanos: number;
  readonly tokens: number;
}

/** Adds to what a period may grant. Its row is there: `makePeriod` was called. */
export async function raisePeriod(tx: Transaction, { periodId, nanos, tokens }: Raise): Promise<void> {
  await sql`
    update budget_periods set raised_nanos = raised_nanos + ${nanos}::bigint, raised_tokens = raised_tokens + ${tokens}::bigint where id = ${periodId}`.execute(
    tx,
  );
}
