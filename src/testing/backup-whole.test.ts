import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { answerAsk } from "#src/asks/answer.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { backup } from "#src/database/backup.ts";
import { openHome } from "#src/database/home.ts";
import { migrate } from "#src/database/migrate.ts";
import type { Db } from "#src/database/open.ts";
import { restore } from "#src/database/restore.ts";
import { sealOnce } from "#src/journal/seal.ts";
import { verifyJournal } from "#src/journal/verify.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { chatWorkspace } from "./chat-workspace.ts";
import { effects, effectTool } from "./effect-ledger.ts";
import { emptyDatabases } from "./empty-database.ts";
import { drain, startRun, testEngine } from "./engine.ts";
import { callTools, say, scriptedModel } from "./scripted-model.ts";
import { silentLog } from "./silent-log.ts";

const PERSON = { id: "prn_test" as const, handle: "test", roles: ["owner"] as const };

async function sums(db: Db): Promise<unknown> {
  const { rows } = await sql`
    select (select count(*) from runs)::int as runs, (select string_agg(state, ',' order by id) from runs) as states, (select count(*) from receipts)::int as receipts,
           (select sum(cost_nanos) from ledger)::text as cost, (select sum(granted_nanos) from allotments)::text as granted`.execute(db);
  return rows[0];
}

test(
  "a record backed up while a run waits for a person goes on from there: the ledger adds up, the journal verifies, the effect happens once",
  { timeout: 120_000 },
  async (t) => {
    const create = await emptyDatabases(t);
    const [from, to] = [await create(), await create()];
    const folder = await mkdtemp(join(tmpdir(), "loopwright-whole-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    await migrate(from.db);
    const ledger = join(folder, "effects");
    const engineOf = (db: Db) =>
      testEngine({
        db,
        clock: systemClock,
        files: chatWorkspace(),
        model: scriptedModel((call) => (call.messages.length === 1 ? callTools([{ name: "effect.once" }, { name: "effect.careful" }]) : say("done"))),
        tools: [effectTool(ledger, { name: "effect.once", effect: "once" }), effectTool(ledger, { name: "effect.careful", effect: "findable" })],
      });
    const engine = await engineOf(from.db);
    await startRun(engine, "helper", "do both");
    await drain(engine);
    await startRun(engine, "helper", "not yet begun");
    while ((await sealOnce(from.db, engine.signer)).sealed > 0);

    const home = await openHome(join(folder, "home"));
    const file = join(folder, "whole.loopwright-backup");
    const place = { workspaceFolder: join(folder, "none"), secretsKeyFile: join(home.keys, "secrets.key") };
    const { facts } = await backup({ url: from.url, home, ...place, out: file, version: "0.1.0", log: silentLog, clock: systemClock });
    const next = await openHome(join(folder, "next"));
    await restore({
      file,
      url: to.url,
      home: next,
      workspaceFolder: join(folder, "ws"),
      secretsKeyFile: join(next.keys, "secrets.key"),
      keys: "leave",
      log: silentLog,
      verifyJournal,
    });
    assert.deepEqual(await sums(to.db), await sums(from.db));
    const journal = await verifyJournal(to.db);
    assert.deepEqual({ kind: journal.kind, events: "events" in journal && String(journal.events) }, { kind: "verified", events: facts.journalPosition });

    const restored = await engineOf(to.db);
    await drain(restored);
    for (const ask of await openAsks(to.db)) await answerAsk(to.db, systemClock, { askId: ask.id, person: PERSON, answer: "approve", face: "test" });
    await drain(restored);
    const { rows } = await sql`select state, count(*)::int as runs from runs group by state`.execute(to.db);
    assert.deepEqual(rows, [{ state: "done", runs: 2 }]);
    assert.deepEqual((await effects(ledger)).map(({ kind, times }) => `${kind} ${times}`).toSorted(), [
      "effect.careful 1",
      "effect.careful 1",
      "effect.once 1",
      "effect.once 1",
    ]);
    while ((await sealOnce(to.db, restored.signer)).sealed > 0);
    assert.equal((await verifyJournal(to.db)).kind, "verified");
  },
);
