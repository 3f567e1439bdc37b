import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { PreparedEvent } from "#src/journal/event.ts";
import { eventRows } from "#src/journal/store/append.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Lease } from "#src/leases/lease.ts";
import { type Settlement, settleFragment } from "#src/ledger/store/settle.ts";
import type { Act, ActError } from "../act.ts";

export interface End {
  readonly act: Act;
  readonly lease: Lease;
  /** Which attempt this is the outcome of: that of a later one is not touched. */
  readonly attempt: number;
  readonly state: "done" | "failed" | "waiting" | "unknown";
  readonly result: Json | null;
  readonly error: ActError | null;
  readonly handle: Json | null;
  /** Said when the act moved; `late` when it could not any more, so that the fact is kept though the move is lost. */
  readonly event: PreparedEvent;
  readonly late: PreparedEvent;
  readonly settlement: Settlement | null;
  /** What a thinking act adds to the transcript, and the acts that it planned. */
  readonly message: NewMessage | null;
  readonly planned: readonly Act[];
}

export interface Ended {
  /** False: the lease was lost, or a later attempt has the act. */
  readonly moved: boolean;
  /** It cost more than it had reserved. */
  readonly overran: boolean;
}

export interface NewMessage {
  readonly seq: number;
  readonly role: string;
  readonly name: string | null;
  readonly source: string;
  readonly trust: string;
  readonly content: Json;
}

/**
 * Records the outcome of an attempt: act, cost, transcript, planned acts and event in one statement and one commit. The move is fenced, the facts are not:
 * with a lost lease the cost is still settled (once) and the event is the late one. Lock order: run, act, ledger, allotment.
 */
export async function endAct(db: Db | Transaction, end: End): Promise<Ended> {
  const moved = movedAct(end);
  const events = eventRows([end.event, end.late], sql`(ordinal = 1) = exists (select from moved)`);
  if (end.settlement === null) {
    const { rows } = await sql<Ended>`with ${moved}, ${events} select exists (select from moved) as moved, false as overran`.execute(db);
    return rows[0]!;
  }
  const { rows } = await sql<Ended>`
    with ${moved}, ${settleFragment(end.settlement)}, ${addedMessage(end)}, ${end.planned.length === 0 ? sql`` : sql`${addedActs(end)}, `}${events}
    select exists (select from moved) as moved, exists (select from settle where overrun_nanos > 0 or overrun_tokens > 0) as overran`.execute(db);
  return rows[0]!;
}

const movedAct = ({ act, lease, attempt, ...end }: End) => sql`
  held as (
    update runs set tries = 0, turns = greatest(turns, ${act.turn})
    where id = ${lease.runId} and fence = ${lease.fence} and holder is not null
      and exists (select from acts where id = ${act.id} and state = 'started' and attempts = ${attempt})
    returning id
  ), moved as (
    update acts a
    set state = ${end.state}, result = ${json(end.result)}::jsonb, error = ${json(end.error)}::jsonb, handle = ${json(end.handle)}::jsonb,
        ended_at = case when ${end.state} in ('done', 'failed') then loop_now() end
    from held where a.id = ${act.id} and a.state = 'started' and a.attempts = ${attempt}
    returning a.id
  )`;

function addedMessage({ lease, message }: End) {
  return sql`
  added_message as (
    insert into messages (run_id, seq, role, name, source, trust, content)
    select ${lease.runId}, ${message?.seq ?? 0}, ${message?.role ?? ""}, ${message?.name ?? null}, ${message?.source ?? ""}, ${message?.trust ?? ""},
           ${json(message?.content ?? null)}::jsonb
    from moved where ${message !== null}
  )`;
}

/** Only where there are some: a member that inserts costs its preparation even when it finds no rows. */
function addedActs({ lease, planned }: End) {
  const acts = planned.map((act) => ({ ...act, args: JSON.stringify(act.args), facts: JSON.stringify(act.facts) }));
  const column = (name: keyof Act) => acts.map((act) => act[name]);
  return sql`
  added_acts as (
    insert into acts (id, run_id, turn, ordinal, kind, name, effect, state, key, args, facts, binding)
    select p.id, ${lease.runId}, p.turn, p.ordinal, p.kind, p.name, p.effect, 'planned', p.key, p.args::jsonb, p.facts::jsonb, p.binding
    from moved, unnest(${column("id")}::text[], ${column("turn")}::int[], ${column("ordinal")}::int[], ${column("kind")}::text[], ${column("name")}::text[],
                       ${column("effect")}::text[], ${column("key")}::text[], ${column("args")}::text[], ${column("facts")}::text[], ${column("binding")}::text[])
      as p (id, turn, ordinal, kind, name, effect, key, args, facts, binding)
  )`;
}

const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));
