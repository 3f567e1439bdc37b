import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";
import { type Id, newId, type RunId, type ThreadId } from "#src/kernel/ids.ts";
import { insertThreadMessage } from "#src/tickets/store/thread-messages.ts";
import { openThreadRow } from "#src/tickets/store/threads.ts";
import type { Trust } from "#src/policy/trust.ts";

const SURFACE = "worker";

export interface Telling {
  readonly worker: string;
  readonly runId: RunId;
  readonly agent: string;
  readonly author: string;
  readonly trust: Trust;
  readonly text: string;
  readonly by: string;
  readonly nowMs: number;
}

/** Keeps what a worker is to be told, in the thread of this one run of it, which it belongs to from the start: no turn of an agent begins with it. Gives the id of the message. */
export async function keepMessage(tx: Transaction, { worker, runId, agent, author, trust, text, by, nowMs }: Telling): Promise<Id<"msg">> {
  const given = { id: newId("thr", nowMs) as ThreadId, surface: SURFACE, channel: worker, externalId: runId, agent, labels: {}, openedBy: by };
  const { thread } = await openThreadRow(tx, given);
  const id = newId("msg", nowMs);
  await insertThreadMessage(tx, {
    id,
    threadId: thread.id,
    role: "person",
    author,
    trust,
    text,
    content: null,
    attachments: [],
    way: "turn",
    brief: null,
    runId,
  });
  return id;
}

export interface Told {
  readonly id: string;
  readonly from: string;
  readonly text: string;
  readonly atMs: number;
}

/** What this run was told and has not taken, in order; it is taken with this, and never given again. */
export async function takeTold(tx: Transaction, { worker, runId }: { readonly worker: string; readonly runId: RunId }): Promise<Told[]> {
  const { rows } = await sql<{ id: string; author: string; text: string; at_ms: number; position: string }>`
    update thread_messages m set taken_at = loop_now() from threads t
    where t.surface = ${SURFACE} and t.channel = ${worker} and t.external_id = ${runId} and m.thread_id = t.id and m.taken_at is null and m.role = 'person'
    returning m.id, m.author, m.text, (extract(epoch from m.at) * 1000)::float8 as at_ms, m.position`.execute(tx);
  return rows
    .toSorted((a, b) => Number(a.position) - Number(b.position))
    .map(({ id, author, text, at_ms }) => ({ id, from: author, text, atMs: Math.floor(at_ms) }));
}
