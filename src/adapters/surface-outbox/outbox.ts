import { randomUUID } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MessagePort, PostedRef } from "#src/acts/ports/message-port.ts";
import type { Db } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { editMessage, findMessage, insertMessage, type OutboxRow } from "./store/outbox.ts";

const NAME = "outbox";

/**
 * The surface that is always there: a message is a row, and a file `<recipient>/<time>-<id>.md` in the outbox folder that people, or a program, can read.
 * The row is the truth; a lost file is written again by the next post of the same key.
 */
export function outboxSurface({ db, folder, clock }: { db: Db; folder: string; clock: Clock }): MessagePort {
  return {
    name: NAME,
    async post(message, deliveryKey) {
      const row = await insertMessage(db, message, { actKey: deliveryKey, nowMs: clock.nowMs() });
      failpoint("outbox.inserted");
      await writeMessage(folder, row);
      return refOf(row);
    },
    async find(deliveryKey) {
      const row = await findMessage(db, deliveryKey);
      if (row) await writeMessage(folder, row);
      return row && refOf(row);
    },
    async edit(posted, message, deliveryKey) {
      const row = await editMessage(db, posted.messageId, { message, editKey: deliveryKey });
      if (!row) throw new LoopError("surface_refused", `The outbox has no message ${posted.messageId} to edit.`, { facts: { message: posted.messageId } });
      failpoint("outbox.edited");
      await writeMessage(folder, row);
    },
  };
}

const refOf = (row: OutboxRow): PostedRef => ({ surface: NAME, messageId: row.id });

async function writeMessage(folder: string, row: OutboxRow): Promise<void> {
  const place = join(folder, fileName(row.recipient));
  const time = row.at.toISOString().replaceAll(":", "-").slice(0, 19);
  const file = join(place, `${time}-${row.id}.md`);
  const draft = `${file}.${randomUUID()}.new`; // others may write the same one now
  try {
    await mkdir(place, { recursive: true, mode: 0o700 });
    await writeFile(draft, `To: ${oneLine(row.recipient)}\nSubject: ${oneLine(row.subject)}\nAt: ${row.at.toISOString()}\n\n${row.body}\n`, {
      mode: 0o600,
    });
    await rename(draft, file);
  } catch (cause) {
    throw new LoopError("surface_unavailable", `The outbox folder cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`, {
      facts: { folder },
      cause,
    });
  }
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ");

/** A recipient is a name that somebody else chose: only what is harmless in a path stays. */
const fileName = (recipient: string): string =>
  recipient
    .normalize("NFC")
    .replaceAll(/[^\p{L}\p{N}@._-]/gu, "_")
    .replace(/^\.+/, "_")
    .slice(0, 100) || "_";
