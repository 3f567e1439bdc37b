import { answerAsk } from "#src/asks/answer.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { openDatabase } from "#src/database/open.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { outboxSurface } from "#src/adapters/surface-outbox/outbox.ts";
import { sql } from "kysely";
import { chatWorkspace } from "./chat-workspace.ts";
import { effectTool } from "./effect-ledger.ts";
import { drain, startRun, testEngine } from "./engine.ts";
import { callTools, say, scriptedModel } from "./scripted-model.ts";

/*
 * One process of the kill sweep: makes the run if there is none, answers what is asked, and goes on until nothing moves. Started again after a kill it does
 * the same from whatever is on record.
 */

const [url, ledger, outbox] = process.argv.slice(2) as [string, string, string];
const ANSWERER = { id: "prn_sweep" as const, handle: "sweep", roles: ["owner"] as const };
const ANSWERS: Readonly<Record<string, string>> = {
  act: "approve",
  unknown: "give up",
  quarantine: "try again",
  acknowledgement: "acknowledged",
  check: "yes",
  resolution: "done",
};

const database = openDatabase({ url, poolSize: 4, prepare: true, transactionTimeoutMs: 30_000, onIdleError: () => undefined });
const { db } = database;
const engine = await testEngine({
  db,
  clock: systemClock,
  files: chatWorkspace(),
  model: scriptedModel((call) =>
    call.messages.length === 1
      ? callTools(["effect.idempotent", "effect.findable", "effect.once", "effect.careful"].map((name) => ({ name })))
      : say("all done"),
  ),
  tools: [
    ...(["idempotent", "findable", "once"] as const).map((effect) => effectTool(ledger, { name: `effect.${effect}`, effect })),
    effectTool(ledger, { name: "effect.careful", effect: "findable" }),
  ],
  surfaces: [outboxSurface({ db, folder: outbox, clock: systemClock })],
});

const { rows } = await sql<{ id: string }>`select id from runs`.execute(db);
if (rows.length === 0) await startRun(engine, "helper", "do all four");
await sql`update runs set due = loop_now() where holder is not null`.execute(db); // the lease of the process that was killed has run out
for (;;) {
  const claims = await drain(engine);
  const asks = await openAsks(db);
  for (const ask of asks) await answerAsk(db, engine.clock, { askId: ask.id, person: ANSWERER, answer: ANSWERS[ask.purpose] ?? "approve", face: "sweep" });
  if (claims === 0 && asks.length === 0) break;
}
await database.close();
