import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import { isNamed } from "./worker-names.ts";
import type { RunId, TicketId } from "#src/kernel/ids.ts";

/** Whoever starts a worker of this name, or asks under it, does so one after the other. */
export async function lockWorkerName(tx: Transaction, worker: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`worker ${worker}`}, 0))`.execute(tx);
}

/** The alias of the next ask of this worker: one more than the greatest there ever was. */
export async function nextAskAlias(tx: Transaction, worker: string): Promise<string> {
  const prefix = `${worker}-`;
  const { rows } = await sql<{ next: number }>`
    select coalesce(max(substr(alias, ${prefix.length + 1})::bigint), 0) + 1 as next from asks
    where purpose = 'worker' and detail ->> 'worker' = ${worker} and starts_with(alias, ${prefix}) and substr(alias, ${prefix.length + 1}) ~ '^[0-9]{1,9}$'`.execute(
    tx,
  );
  return `${prefix}${Number(rows[0]!.next)}`;
}

export interface Question {
  readonly worker: string;
  readonly runId: RunId | null;
  readonly prompt: string;
  readonly options: readonly string[];
  readonly reference: string;
  /** By which whoever asks knows the same try again, also when it was answered meanwhile. */
  readonly key: string | null;
  /** An answer to the same words counts that nobody has heard yet: whoever asked was cut off. */
  readonly resume: boolean;
}

/** The ask that this question is already: put with the same key, open with the same words, or answered and not heard. */
export async function sameAsk(tx: Transaction, { worker, runId, prompt, options, reference, key, resume }: Question): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select id from asks
    where purpose = 'worker' and run_id is not distinct from ${runId} and detail ->> 'worker' = ${worker}
      and (detail ->> 'key' = ${key} or ((state = 'open' or (${resume} and state = 'answered' and not detail ? 'heard')) and prompt = ${prompt} and options = ${options}::text[] and coalesce(detail ->> 'reference', '') = ${reference}))
    order by coalesce(detail ->> 'key' = ${key}, false) desc, state = 'open' desc, created_at desc limit 1`.execute(tx);
  return rows[0]?.id;
}

/** Whoever asked has the answer in hand. */
export async function markHeard(tx: Transaction, { ask, worker }: { readonly ask: string; readonly worker: string }): Promise<void> {
  await sql`
    update asks set detail = detail || '{"heard": true}' where (id = ${ask} or alias = ${ask}) and purpose = 'worker' and detail ->> 'worker' = ${worker} and state <> 'open'`.execute(
    tx,
  );
}

/** The run that works under this name now, with its ticket; undefined: none does. */
export async function liveRunOf(db: Db | Transaction, worker: string): Promise<{ readonly runId: RunId; readonly ticketId: TicketId } | undefined> {
  const { rows } = await sql<{ id: RunId; ticket_id: TicketId }>`
    select r.id, r.ticket_id from tickets t join runs r on r.ticket_id = t.id
    where ${isNamed(worker)} and r.procedure = 'worker' and r.ended_at is null order by r.created_at desc limit 1`.execute(db);
  return rows[0] && { runId: rows[0].id, ticketId: rows[0].ticket_id };
}

/** The ticket of a run; null: it has none. */
export async function ticketOfRun(db: Db | Transaction, runId: RunId): Promise<TicketId | null> {
  const { rows } = await sql<{ ticket_id: TicketId | null }>`select ticket_id from runs where id = ${runId}`.execute(db);
  return rows[0]?.ticket_id ?? null;
}

/** Those of these asks that nobody waits for any more. */
export async function settledOf(db: Db | Transaction, askIds: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ id: string }>`select id from asks where id = any(${askIds}::text[]) and state <> 'open'`.execute(db);
  return new Set(rows.map(({ id }) => id));
}
