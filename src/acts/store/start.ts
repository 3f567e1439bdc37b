import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import type { PreparedEvent } from "#src/journal/event.ts";
import { eventRows } from "#src/journal/store/append.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Lease } from "#src/leases/lease.ts";
import { type Reservation, reserveFragment } from "#src/ledger/store/reserve.ts";
import { type Act, actStatesBefore } from "../act.ts";

const STARTABLE = actStatesBefore("started");

export interface Start {
  readonly act: Act;
  readonly lease: Lease;
  readonly decision: Json;
  readonly event: PreparedEvent;
  /** What this attempt may cost at most; null: nothing that a budget counts. */
  readonly reservation: Reservation | null;
}

/** started: the intent is on record, go on. lost: the lease is gone, or somebody moved the act. no_money: the run's own slice cannot take it. */
export type Started = "started" | "lost" | "no_money";

/**
 * Records the intent to perform an act: fence, reservation, act, ledger row and event in one statement and one commit. The act is planned by the same
 * statement when it is not there yet. Lock order: run, allotment, act.
 */
export async function startAct(db: Db, start: Start): Promise<Started> {
  return start.reservation === null ? startFree(db, start) : startPaid(db, start, start.reservation);
}

const heldRun = ({ act, lease }: Start) => sql`
  startable as materialized (
    select id from runs
    where id = ${lease.runId} and fence = ${lease.fence} and holder is not null
      and not exists (select from acts where id = ${act.id} and (state <> all(${STARTABLE}::text[]) or attempts <> ${act.attempts}))
    for no key update
  )`;

const movedAct = ({ act, decision }: Start) => sql`
    insert into acts (id, run_id, turn, ordinal, kind, name, effect, state, key, args, facts, binding, decision, attempts, started_at)
    select ${act.id}, s.id, ${act.turn}, ${act.ordinal}, ${act.kind}, ${act.name}, ${act.effect}, 'started', ${act.key}, ${JSON.stringify(act.args)}::jsonb,
           ${JSON.stringify(act.facts)}::jsonb, ${act.binding}, ${JSON.stringify(decision)}::jsonb, 1, loop_now()
    from startable s`;

const ON_CONFLICT = sql`
    on conflict (id) do update set state = 'started', attempts = acts.attempts + 1, started_at = loop_now(), decision = excluded.decision
    returning id`;

async function startFree(db: Db, start: Start): Promise<Started> {
  const { rows } = await sql<{ moved: boolean }>`
    with ${heldRun(start)}, moved as (${movedAct(start)} ${ON_CONFLICT}),
    ${eventRows([start.event], sql`exists (select from moved)`)}
    select exists (select from moved) as moved`.execute(db);
  return rows[0]!.moved ? "started" : "lost";
}

async function startPaid(db: Db, start: Start, reservation: Reservation): Promise<Started> {
  const { rows } = await sql<{ held: boolean; moved: boolean }>`
    with ${heldRun(start)}, ${reserveFragment(reservation, sql`exists (select from startable)`)},
    moved as (${movedAct(start)} where exists (select from reserve) ${ON_CONFLICT}),
    ${eventRows([start.event], sql`exists (select from moved)`)}
    select exists (select from startable) as held, exists (select from moved) as moved`.execute(db);
  const row = rows[0]!;
  if (row.moved) return "started";
  return row.held ? "no_money" : "lost";
}
