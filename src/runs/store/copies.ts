import { sql } from "kysely";
import type { AskCopyId, CopyRow, NewCopy } from "../deliver/copy.ts";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Approvers } from "#src/asks/ask.ts";
import type { AskId } from "#src/kernel/ids.ts";

interface Row {
  readonly id: AskCopyId;
  readonly ask_id: AskId;
  readonly principal_id: CopyRow["principalId"];
  readonly handle: string;
  readonly surface: string;
  readonly address: string;
  readonly step: number;
  readonly reminder: boolean;
  readonly message_id: string | null;
  readonly wanted: number;
  readonly shown: number;
  readonly claims: number;
  readonly failures: number;
  readonly error: CopyRow["error"];
  readonly is_first: boolean;
}

const COLUMNS = sql`
  c.id, c.ask_id, c.principal_id, coalesce(p.handle, c.principal_id) as handle, c.surface, c.address, c.step, c.reminder, c.message_id, c.wanted, c.shown, c.claims,
  c.failures, c.error, not exists (
    select from ask_copies o where o.ask_id = c.ask_id and o.principal_id = c.principal_id and o.surface = c.surface and o.message_id is not null and o.step < c.step
  ) as is_first`;

const toCopy = (row: Row): CopyRow => ({
  id: row.id,
  askId: row.ask_id,
  principalId: row.principal_id,
  handle: row.handle,
  surface: row.surface,
  address: row.address,
  step: row.step,
  reminder: row.reminder,
  messageId: row.message_id,
  wanted: row.wanted,
  shown: row.shown,
  claims: row.claims,
  failures: row.failures,
  error: row.error,
  isFirst: row.is_first,
});

export interface AskToCopy {
  readonly id: AskId;
  readonly isOpen: boolean;
  readonly approvers: Approvers;
  /** Copies of it are on record. */
  readonly hasCopies: boolean;
}

/** Asks whose copies are not up to date with them or with the workspace of this revision; so many of the open and of the closed ones at most. */
export async function asksToCopy(db: Db, revision: number, limit: number): Promise<AskToCopy[]> {
  const { rows } = await sql<AskToCopy>`
    select id, state = 'open' as "isOpen", approvers, exists (select from ask_copies c where c.ask_id = k.id) as "hasCopies"
    from asks k where id = any(array(
      (select id from asks where state = 'open' and copied < ${revision} order by copied limit ${limit})
      union all
      (select id from asks where state <> 'open' and copied = 0 limit ${limit})))`.execute(db);
  return rows;
}

/** The same as `markCopied` for asks that have no copies and need none; one that has got copies, or has changed, since it was looked at is left alone. */
export async function markUncopied(db: Db, { open, closed, revision }: { open: readonly AskId[]; closed: readonly AskId[]; revision: number }): Promise<void> {
  await sql`
    with k as materialized (
      select id from asks where ((id = any(${open}::text[]) and state = 'open') or (id = any(${closed}::text[]) and state <> 'open'))
        and not exists (select from ask_copies c where c.ask_id = asks.id) order by id for no key update skip locked
    )
    update asks set copied = ${Math.max(revision, 1)}, copied_step = step from k where asks.id = k.id`.execute(db);
}

export interface LockedAsk {
  readonly step: number;
  /** Steps whose reminders were planned. */
  readonly copiedStep: number;
}

/** Locks the ask until the transaction ends. Undefined when somebody else has it, or its copies are up to date by now. */
export async function lockAskToCopy(tx: Transaction, askId: AskId, revision: number): Promise<LockedAsk | undefined> {
  const { rows } = await sql<LockedAsk>`
    select step, copied_step as "copiedStep" from asks
    where id = ${askId} and (copied = 0 or (state = 'open' and copied < ${revision})) for no key update skip locked`.execute(tx);
  return rows[0];
}

/** The copies are planned for the ask as it stands, until it changes or another revision is in force. */
export async function markCopied(tx: Transaction, askId: AskId, { revision, step }: { revision: number; step: number }): Promise<void> {
  await sql`update asks set copied = ${Math.max(revision, 1)}, copied_step = ${step} where id = ${askId}`.execute(tx);
}

/** In the order in which they were planned. */
export async function copiesOf(db: Db | Transaction, askId: AskId): Promise<CopyRow[]> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from ask_copies c left join principals p on p.id = c.principal_id where c.ask_id = ${askId} order by c.step, c.id`.execute(db);
  return rows.map(toCopy);
}

/** Due at once, unless there is a reason not to try. A copy that is there already stays as it is. */
export async function insertCopies(tx: Transaction, copies: readonly NewCopy[]): Promise<void> {
  const column = <K extends keyof NewCopy>(name: K) => copies.map((copy) => copy[name]);
  await sql`
    insert into ask_copies (id, ask_id, principal_id, surface, address, step, reminder, due, error)
    select id, ask_id, principal_id, surface, address, step, reminder, case when error is null then loop_now() end, error::jsonb
    from unnest(${column("id")}::text[], ${column("askId")}::text[], ${column("principalId")}::text[], ${column("surface")}::text[], ${column("address")}::text[],
                ${column("step")}::int[], ${column("reminder")}::boolean[], ${copies.map(({ error }) => error && JSON.stringify(error))}::text[])
      as given (id, ask_id, principal_id, surface, address, step, reminder, error)
    on conflict (ask_id, principal_id, surface, step) do nothing`.execute(tx);
}

/** Takes back copies that were not posted. */
export async function deleteCopies(tx: Transaction, ids: readonly AskCopyId[]): Promise<void> {
  await sql`delete from ask_copies where id = any(${ids}::text[]) and message_id is null`.execute(tx);
}

/** The ask was settled: what was posted, or may have been, shall say so; what was never tried is not sent any more. */
export async function closeCopies(tx: Transaction, askId: AskId): Promise<void> {
  await sql`
    update ask_copies
    set wanted = wanted + case when claims > 0 then 1 else 0 end, due = case when claims > 0 then loop_now() end, failures = 0
    where ask_id = ${askId}`.execute(tx);
}

/** What is not sent because its surface was not there may be sent now. */
export async function retryUnconnected(db: Db, surfaces: readonly string[]): Promise<void> {
  await sql`
    update ask_copies c set due = loop_now() from asks k
    where k.id = c.ask_id and k.state = 'open' and c.due is null and c.message_id is null and c.surface = any(${surfaces}::text[])`.execute(db);
}

/** Of these surfaces, those that have a copy to send or to edit now. */
export async function dueSurfaces(db: Db, surfaces: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ surface: string }>`
    select s.surface from unnest(${surfaces}::text[]) as s (surface)
    where (select min(due) from ask_copies c where c.surface = s.surface and c.due is not null) <= loop_now()`.execute(db);
  return rows.map((row) => row.surface);
}

/** Takes copies of a surface that are due, longest due first, for `leaseMs`: whoever dies with one leaves it to others after that time. */
export async function claimCopies(db: Db, { surface, limit, leaseMs }: { surface: string; limit: number; leaseMs: number }): Promise<CopyRow[]> {
  const { rows } = await sql<Row>`
    with d as (
      select id from ask_copies where surface = ${surface} and due <= loop_now() order by due limit ${limit} for update skip locked
    ), c as (
      update ask_copies u set claims = u.claims + 1, due = loop_now() + ${leaseMs}::float8 * interval '1 millisecond' from d where u.id = d.id returning u.*
    )
    select ${COLUMNS} from c left join principals p on p.id = c.principal_id`.execute(db);
  return rows.map(toCopy);
}

/** What came of a try. `shown`: what the message says now. */
export interface CopyOutcome {
  readonly messageId: string | null;
  readonly shown: number;
}

/** False when somebody else has taken the copy since. Due again at once when more is wanted of it by now. */
export async function recordCopy(tx: Transaction, { id, claims }: CopyRow, { messageId, shown }: CopyOutcome): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    update ask_copies
    set message_id = ${messageId}, shown = ${shown}, due = case when wanted > ${shown} then loop_now() end, failures = 0, error = null,
        delivered_at = case when ${messageId}::text is not null then coalesce(delivered_at, loop_now()) end
    where id = ${id} and claims = ${claims} returning id`.execute(tx);
  return rows.length === 1;
}

/** `retryMs`: null, not again. False when somebody else has taken the copy since. */
export async function recordFailure(
  tx: Transaction,
  { id, claims }: CopyRow,
  failed: { readonly error: NonNullable<CopyRow["error"]>; readonly retryMs: number | null },
): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    update ask_copies
    set failures = failures + 1, error = ${JSON.stringify(failed.error)}::jsonb, due = loop_now() + ${failed.retryMs}::float8 * interval '1 millisecond'
    where id = ${id} and claims = ${claims} returning id`.execute(tx);
  return rows.length === 1;
}
