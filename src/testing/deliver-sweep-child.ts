import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { outboxSurface } from "#src/adapters/surface-outbox/outbox.ts";
import type { MessagePort } from "#src/acts/ports/message-port.ts";
import { answerAsk } from "#src/asks/answer.ts";
import type { NewAsk } from "#src/asks/ask.ts";
import { expireDueAsks } from "#src/asks/expire.ts";
import { openAsk } from "#src/asks/store/open.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { requirePrincipal } from "#src/people/store/principals.ts";
import { deliverDue } from "#src/runs/deliver/deliverer.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { silentLog } from "./silent-log.ts";
import { type Life, liveOnce } from "./sweep-life.ts";

const ask: NewAsk = {
  id: `ask_${"0".repeat(32)}`,
  kind: "approval",
  purpose: "act",
  runId: null,
  actId: null,
  ticketId: null,
  prompt: "May it?",
  detail: { kind: "message", name: "dispatch", effect: "findable", args: { to: "x" } },
  options: ["approve", "deny"],
  approvers: { roles: ["owner", "approver"], names: [] },
  quorum: 1,
  binding: "b",
  rule: "r",
  expiry: [{ afterMs: 60_000, do: "remind" }],
  revision: 1,
};

/** A place that makes a new file of every post, so that a message which is posted twice is there twice, and that cannot edit. */
function plainSurface(folder: string): MessagePort {
  const refOf = (messageId: string) => ({ surface: "plain", messageId });
  return {
    name: "plain",
    async post(message, key) {
      await mkdir(folder, { recursive: true });
      const file = join(folder, `${randomUUID()}.md`);
      await writeFile(`${file}.new`, `${key}\n${message.subject}\n`);
      await rename(`${file}.new`, file);
      return refOf(file);
    },
    async find(key) {
      await mkdir(folder, { recursive: true });
      for (const name of (await readdir(folder)).filter((file) => file.endsWith(".md"))) {
        if ((await readFile(join(folder, name), "utf8")).startsWith(`${key}\n`)) return refOf(join(folder, name));
      }
      return undefined;
    },
  };
}

/** An ask from its opening over a reminder to its answer, with its copies: goes on from whatever is on record. */
export const liveDelivery: Life = async (db, folder) => {
  const surfaces = [outboxSurface({ db, folder: join(folder, "outbox"), clock: systemClock }), plainSurface(join(folder, "plain"))];
  const parts = {
    db,
    clock: systemClock,
    log: silentLog,
    workspaces: createWorkspaceView(db),
    surfaces: new Map(surfaces.map((surface) => [surface.name, surface])),
    publicUrl: undefined,
  };
  const deliver = async (): Promise<void> => {
    await sql`update ask_copies set due = loop_now() where due is not null`.execute(db); // the lease of the process that was killed has run out
    await deliverDue(parts);
  };
  await openAsk(db, ask);
  await deliver();
  await sql`update loop_test_clock set ahead = '61 s'`.execute(db);
  await expireDueAsks(db, systemClock);
  await deliver();
  const person = await requirePrincipal(db, "rui");
  for (const { id: askId } of await openAsks(db)) await answerAsk(db, systemClock, { askId, person, answer: "approve", face: "sweep" });
  await deliver();
};

if (import.meta.main) await liveOnce(liveDelivery);
