import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { type BudgetManifest, budgetManifest } from "#src/workspace/manifest/governance.ts";
import { type AllotRequest, type AllotResult, ensureAllotment } from "../allot.ts";
import type { RunFacts } from "../budgets.ts";
import { type Reservation, reserve } from "./reserve.ts";
import { readSeat } from "./seat.ts";
import { settle, type Settlement, type SettleOutcome } from "./settle.ts";

/** For the tests of this part: short ways to write a budget, a run, and one call after another. */
export function testBudget(name: string, rest: object): BudgetManifest {
  return budgetManifest.parse({ apiVersion: "loopwright.dev/v1", kind: "Budget", name, ...rest });
}

export function testRun(runId: string, rest: Partial<RunFacts> = {}): RunFacts {
  return { runId, agent: "desk", ticketId: null, labels: {}, ...rest };
}

export interface TestCall {
  readonly run: RunFacts;
  readonly actId: string;
  readonly nanos: number | null;
  readonly tokens?: number;
  readonly tier?: string;
  readonly model?: string;
}

export function reservationOf({ run, actId, nanos, tokens = 0, tier = "fast", model = "one:m" }: TestCall): Reservation {
  return { ...run, actId, attempt: 1, tier, model, pricedAs: nanos === null ? null : model, nanos, tokens };
}

export function settlementOf(actId: string, costNanos: number | null, rest: Partial<Settlement> = {}): Settlement {
  const tokens = { input: 0, cached: 0, output: 0, reasoning: 0 };
  return { actId, attempt: 1, costNanos, listNanos: costNanos, model: null, pricedAs: null, tokens, source: "measured", ...rest };
}

export type AskMore = Pick<AllotRequest, "budgets"> & Partial<AllotRequest>;

export function ensure(db: Db, call: TestCall, more: AskMore): Promise<AllotResult> {
  return ensureAllotment(db, { run: call.run, timeZone: "UTC", model: call.model ?? "one:m", needNanos: call.nanos, needTokens: call.tokens ?? 0, ...more });
}

/** Reserves as the gate does: from the slice, else after asking for more. True when the call may be made. */
export async function begin(db: Db, call: TestCall, more: AskMore): Promise<boolean> {
  for (;;) {
    if (await reserve(db, reservationOf(call))) return true;
    const result = await ensure(db, call, more);
    if (result.kind !== "granted") return false;
    if (await reserve(db, { ...reservationOf(call), ...result.reserve })) return true;
  }
}

/** One call from beginning to end. Null: it was not allowed. */
export async function play(db: Db, call: TestCall & { costNanos: number | null }, more: AskMore): Promise<SettleOutcome | null> {
  if (!(await begin(db, call, more))) return null;
  return settle(db, settlementOf(call.actId, call.costNanos));
}

export interface PeriodRow {
  readonly budget: string;
  readonly subject: string;
  readonly granted: number;
  readonly spent: number;
}

export async function periodRows(db: Db): Promise<PeriodRow[]> {
  const { rows } = await sql<PeriodRow>`
    select budget, subject, granted_nanos as granted, spent_nanos as spent from budget_periods order by starts_at, budget, subject`.execute(db);
  return rows;
}

/** Periods whose books do not balance: what is granted must be what was moved there as spent, and the slices of open runs. */
export async function unbalanced(db: Db): Promise<unknown[]> {
  const { rows } = await sql`
    select p.budget, p.subject, p.granted_nanos, p.spent_nanos, p.granted_tokens, p.spent_tokens, a.nanos, a.tokens
    from budget_periods p
    left join (select id, sum(granted_nanos) as nanos, sum(granted_tokens) as tokens from allotments cross join unnest(periods) as id where not closed group by id) a using (id)
    where p.granted_nanos <> p.spent_nanos + coalesce(a.nanos, 0) or p.granted_tokens <> p.spent_tokens + coalesce(a.tokens, 0)`.execute(db);
  return rows;
}

/**
 * From now on the database itself refuses to hold more granted than a cap. A trigger after the fact, not a check constraint: a check also sees the row that
 * an update first makes from an old version, before it finds out that there is a newer one.
 */
export async function refuseOvergrant(db: Db): Promise<void> {
  await sql`
    create function refuse_overgrant() returns trigger language plpgsql as
    'begin if new.granted_nanos > new.cap_nanos or new.granted_tokens > new.cap_tokens then raise ''granted beyond the cap: %'', new; end if; return null; end'`.execute(
    db,
  );
  await sql`create trigger refuse_overgrant after update on budget_periods for each row execute function refuse_overgrant()`.execute(db);
}

/** One database serves many tests, one after the other. */
export async function emptyLedger(db: Db): Promise<void> {
  await sql`truncate ledger, budget_periods, allotments`.execute(db);
}

export async function databaseNowMs(db: Db): Promise<number> {
  return (await readSeat(db, "", { nanos: 0, tokens: 0 })).now.getTime();
}

export interface BookTotals {
  readonly calls: number;
  readonly cost: number;
  readonly open: number;
  readonly granted: number;
  readonly spent: number;
}

/** The ledger on one side, the budgets and the allotments that are still open on the other. */
export async function bookTotals(db: Db): Promise<BookTotals> {
  const { rows } = await sql<BookTotals>`
    select (select count(*) from ledger) as calls, (select sum(cost_nanos)::bigint from ledger) as cost,
      (select count(*) from allotments where not closed) as open, sum(granted_nanos)::bigint as granted, sum(spent_nanos)::bigint as spent
    from budget_periods`.execute(db);
  return rows[0]!;
}

/** Deadlocks of this database so far: retried by the transactions, so nobody else would notice. Each connection is made to report what it has counted. */
export async function deadlocks(db: Db): Promise<number> {
  await Promise.all(Array.from({ length: 10 }, () => sql`select pg_stat_force_next_flush(), pg_sleep(0.05)`.execute(db)));
  const { rows } = await sql<{ deadlocks: number }>`select deadlocks from pg_stat_database where datname = current_database()`.execute(db);
  return rows[0]!.deadlocks;
}

/** Moves the calls that cost this much to another time. */
export async function moveInTime(db: Db, costNanos: number, at: string): Promise<void> {
  await sql`update ledger set at = ${at}::timestamptz where cost_nanos = ${costNanos}::bigint`.execute(db);
}
