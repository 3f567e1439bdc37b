import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { newId } from "#src/kernel/ids.ts";
import type { OutboundMessage } from "#src/acts/ports/message-port.ts";

export interface OutboxRow {
  readonly id: string;
  readonly recipient: string;
  readonly subject: string;
  readonly body: string;
  readonly at: Date;
}

/** One row per key, whoever comes first. Gives the row that stands. */
export async function insertMessage(db: Db, message: OutboundMessage, { actKey, nowMs }: { actKey: string; nowMs: number }): Promise<OutboxRow> {
  await sql`
    insert into outbox (id, act_key, recipient, subject, body, facts)
    values (${newId("out", nowMs)}, ${actKey}, ${message.to}, ${message.subject}, ${message.text}, ${JSON.stringify(message.facts)}::jsonb)
    on conflict (act_key) do nothing`.execute(db);
  return (await findMessage(db, actKey))!;
}

export async function findMessage(db: Db, actKey: string): Promise<OutboxRow | undefined> {
  const { rows } = await sql<OutboxRow>`select id, recipient, subject, body, at from outbox where act_key = ${actKey}`.execute(db);
  return rows[0];
}

/** The row with the new words; undefined when there is no such message. The same edit twice changes nothing more. */
export async function editMessage(db: Db, id: string, { message, editKey }: { message: OutboundMessage; editKey: string }): Promise<OutboxRow | undefined> {
  const { rows } = await sql<OutboxRow>`
    update outbox set subject = ${message.subject}, body = ${message.text}, facts = ${JSON.stringify(message.facts)}::jsonb,
      edited_at = case when edit_key is distinct from ${editKey} then loop_now() else edited_at end, edit_key = ${editKey}
    where id = ${id} returning id, recipient, subject, body, at`.execute(db);
  return rows[0];
}
