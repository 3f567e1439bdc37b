import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { parse } from "yaml";
import { answerAsk } from "#src/asks/answer.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { reindex } from "#src/brain/reindex.ts";
import { itemsOf } from "#src/brain/workspace-items.ts";
import { inTransaction, openDatabase } from "#src/database/open.ts";
import { sealOnce } from "#src/journal/seal.ts";
import { receive, WORKSPACES_FOLDER } from "#src/testing/desk.ts";
import { drain } from "#src/testing/engine.ts";
import { listFolder } from "#src/workspace/folder.ts";
import { effectSurface } from "./harness/effect-ports.ts";
import { ANSWERS, PERSON } from "./harness/people.ts";
import { putInForce, trialEngine } from "./harness/trial-engine.ts";

/*
 * One process of the kill sweep over the desk: brings one message, that is held, approved, dispatched, acknowledged, said to be done, checked with the reporter,
 * and resolved with a receipt, and seals the journal. Started again after a kill it does the same from whatever is on record.
 */

const [url, folder, socketPath] = process.argv.slice(2) as [string, string, string];
const database = openDatabase({ url, poolSize: 4, prepare: true, transactionTimeoutMs: 30_000, onIdleError: () => undefined });
const { db } = database;
const workspace = join(WORKSPACES_FOLDER, "warm-stays");
await putInForce(db, (await listFolder(workspace)).files);
const engine = await trialEngine({ db, folder, name: `desk-${process.pid}`, surfaces: [effectSurface({ socketPath, by: "desk", toolMs: 0 }, "outbox")] });
const { workspace: inForce } = await engine.workspaces.current();
await inTransaction(db, async (tx) => void (await reindex(tx, itemsOf(inForce))));

const { sender, text, labels, language, externalId } = parse(await readFile(join(workspace, "samples", "aircon-near-socket-zh.yaml"), "utf8")) as Parameters<
  typeof receive
>[1];
await receive(engine, { sender, text, labels: labels!, language: language!, externalId: externalId! });
await sql`update runs set due = loop_now() where holder is not null`.execute(db); // the lease of the process that was killed has run out
for (;;) {
  const claims = await drain(engine);
  const asks = await openAsks(db);
  for (const ask of asks) await answerAsk(db, engine.clock, { askId: ask.id, person: PERSON, answer: ANSWERS[ask.purpose] ?? "approve", face: "trial" });
  if (claims === 0 && asks.length === 0) break;
}
while ((await sealOnce(db, engine.signer)).sealed > 0);
await database.close();
process.exit(0); // the line to the world outside is still open
