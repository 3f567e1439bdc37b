import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Id, RunId, ThreadId } from "#src/kernel/ids.ts";
import type { Trust } from "#src/policy/trust.ts";
import type { Attachment, MessageWay, ThreadMessage } from "../thread.ts";

interface MessageRow {
  readonly id: Id<"msg">;
  readonly thread_id: ThreadId;
  readonly position: number;
  readonly role: "person" | "agent";
  readonly author: string;
  readonly trust: Trust;
  readonly text: string;
  readonly content: Json | null;
  readonly attachments: readonly Attachment[];
  readonly way: MessageWay;
  readonly brief: Json | null;
  readonly run_id: RunId | null;
  readonly delivered_at: Date | null;
  readonly at: Date;
}

export type NewThreadMessage = Omit<ThreadMessage, "position" | "deliveredAtMs" | "atMs"> & {
  readonly externalId?: string | undefined;
  readonly bodyDigest?: string;
};

/** False when the thread has a message of this external id already. */
export async function insertThreadMessage(tx: Transaction, message: NewThreadMessage): Promise<boolean> {
  const { rows } = await sql`
    insert into thread_messages (id, thread_id, role, author, trust, text, content, attachments, external_id, body_digest, way, brief, run_id, at)
    values (${message.id}, ${message.threadId}, ${message.role}, ${message.author}, ${message.trust}, ${message.text}, ${json(message.content)}::jsonb,
            ${JSON.stringify(message.attachments)}::jsonb, ${message.externalId ?? null}, ${message.bodyDigest ?? null}, ${message.way},
            ${json(message.brief)}::jsonb, ${message.runId}, loop_now())
    on conflict (thread_id, external_id) where external_id is not null do nothing returning 1`.execute(tx);
  return rows.length === 1;
}

/** What came under an external id before, with the digest of its body. */
export async function findThreadMessage(
  db: Db | Transaction,
  of: { readonly threadId: ThreadId; readonly externalId: string },
): Promise<(ThreadMessage & { readonly bodyDigest: string | null }) | undefined> {
  const { rows } = await sql<MessageRow & { body_digest: string | null }>`
    select * from thread_messages where thread_id = ${of.threadId} and external_id = ${of.externalId}`.execute(db);
  return rows[0] && { ...toMessage(rows[0]), bodyDigest: rows[0].body_digest };
}

export async function findThreadMessageById(db: Db | Transaction, id: string): Promise<ThreadMessage | undefined> {
  const { rows } = await sql<MessageRow>`select * from thread_messages where id = ${id}`.execute(db);
  return rows[0] && toMessage(rows[0]);
}

/** What no run has taken yet, oldest first; `way` steer: only what goes into an open run. */
export async function waitingMessages(db: Db | Transaction, threadId: ThreadId, way?: MessageWay): Promise<ThreadMessage[]> {
  const { rows } = await sql<MessageRow>`
    select * from thread_messages where thread_id = ${threadId} and run_id is null and (${way ?? null}::text is null or way = ${way ?? null})
    order by position`.execute(db);
  return rows.map(toMessage);
}

/** A run takes these messages. Gives the ids of those that no other has taken. */
export async function takeMessages(tx: Transaction, runId: RunId, ids: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    update thread_messages set run_id = ${runId}, taken_at = loop_now() where id = any(${ids}::text[]) and run_id is null returning id`.execute(tx);
  return rows.map(({ id }) => id);
}

/** The last exchanges that were completed and delivered, oldest first: what was said, then its answer. */
export async function deliveredExchanges(db: Db | Transaction, threadId: ThreadId, most: number): Promise<ThreadMessage[]> {
  if (most === 0) return [];
  const { rows } = await sql<MessageRow>`
    with answers as (
      select run_id, position from thread_messages
      where thread_id = ${threadId} and role = 'agent' and delivered_at is not null order by position desc limit ${most}
    )
    select m.* from thread_messages m join answers a on a.run_id = m.run_id
    where m.thread_id = ${threadId} order by a.position, m.role = 'agent', m.position`.execute(db);
  return rows.map(toMessage);
}

/** An answer reached whoever asked. Safe to repeat: the first time counts. */
export async function markDelivered(db: Db | Transaction, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`update thread_messages set delivered_at = loop_now() where id = any(${ids}::text[]) and role = 'agent' and delivered_at is null`.execute(db);
}

/** The answer that a run gave to its thread. */
export async function answerOfRun(db: Db | Transaction, runId: string): Promise<ThreadMessage | undefined> {
  const { rows } = await sql<MessageRow>`select * from thread_messages where run_id = ${runId} and role = 'agent' order by position desc limit 1`.execute(db);
  return rows[0] && toMessage(rows[0]);
}

/** Of one thread, oldest first; the newest `limit` of those before a position. */
export async function listThreadMessages(db: Db, of: { threadId: ThreadId; before?: number | undefined; limit: number }): Promise<ThreadMessage[]> {
  const { rows } = await sql<MessageRow>`
    select * from thread_messages where thread_id = ${of.threadId} and position < coalesce(${of.before ?? null}::bigint, 9223372036854775807)
    order by position desc limit ${of.limit}`.execute(db);
  return rows.map(toMessage).toReversed();
}

const json = (value: Json | null): string | null => (value === null ? null : JSON.stringify(value));

function toMessage(row: MessageRow): ThreadMessage {
  return {
    id: row.id,
    threadId: row.thread_id,
    position: Number(row.position),
    role: row.role,
    author: row.author,
    trust: row.trust,
    text: row.text,
    content: row.content,
    attachments: row.attachments,
    way: row.way,
    brief: row.brief,
    runId: row.run_id,
    deliveredAtMs: row.delivered_at?.getTime() ?? null,
    atMs: row.at.getTime(),
  };
}
