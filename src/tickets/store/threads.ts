import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { ThreadId } from "#src/kernel/ids.ts";
import type { Thread } from "../thread.ts";

interface ThreadRow {
  readonly id: ThreadId;
  readonly surface: string;
  readonly channel: string;
  readonly external_id: string;
  readonly agent: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly opened_by: string | null;
  readonly created_at: Date;
}

export type NewThread = Omit<Thread, "createdAtMs">;

/** Opens a thread, or finds the one that has this id on this surface and channel. */
export async function openThreadRow(tx: Db | Transaction, thread: NewThread): Promise<{ readonly thread: Thread; readonly opened: boolean }> {
  const { rows } = await sql<ThreadRow>`
    insert into threads (id, surface, channel, external_id, agent, labels, opened_by, created_at)
    values (${thread.id}, ${thread.surface}, ${thread.channel}, ${thread.externalId}, ${thread.agent}, ${JSON.stringify(thread.labels)}::jsonb,
            ${thread.openedBy}, loop_now())
    on conflict (surface, channel, external_id) do nothing returning *`.execute(tx);
  if (rows[0]) return { thread: toThread(rows[0]), opened: true };
  const { rows: known } = await sql<ThreadRow>`
    select * from threads where surface = ${thread.surface} and channel = ${thread.channel} and external_id = ${thread.externalId}`.execute(tx);
  return { thread: toThread(known[0]!), opened: false };
}

/** @throws LoopError thread_unknown */
export async function requireThread(db: Db | Transaction, threadId: string): Promise<Thread> {
  const { rows } = await sql<ThreadRow>`select * from threads where id = ${threadId}`.execute(db);
  if (rows[0]) return toThread(rows[0]);
  throw new LoopError("thread_unknown", `There is no thread ${threadId.slice(0, 80)}. GET /v1/threads lists those there are.`, {
    facts: { thread: threadId.slice(0, 80) },
  });
}

/** Newest first. */
export async function listThreads(db: Db, limit: number): Promise<Thread[]> {
  const { rows } = await sql<ThreadRow>`select * from threads order by created_at desc, id desc limit ${limit}`.execute(db);
  return rows.map(toThread);
}

/** Whoever begins a turn of the thread does so one after the other. */
export async function lockThread(tx: Transaction, threadId: ThreadId): Promise<void> {
  await sql`select id from threads where id = ${threadId} for no key update`.execute(tx);
}

function toThread(row: ThreadRow): Thread {
  return {
    id: row.id,
    surface: row.surface,
    channel: row.channel,
    externalId: row.external_id,
    agent: row.agent ?? "",
    labels: row.labels,
    openedBy: row.opened_by,
    createdAtMs: row.created_at.getTime(),
  };
}
