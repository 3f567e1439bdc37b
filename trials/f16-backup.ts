import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { backup } from "#src/database/backup.ts";
import { openHome } from "#src/database/home.ts";
import { restore } from "#src/database/restore.ts";
import type { Db } from "#src/database/open.ts";
import { verifyReceipt } from "#src/evidence/verify-receipt.ts";
import { listKeys } from "#src/journal/store/keys.ts";
import { verifyJournal } from "#src/journal/verify.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { type Case, judged } from "./harness/case.ts";
import { countOf } from "./harness/oracle.ts";
import { ms } from "./harness/statistics.ts";
import { openStorm, stormScripts } from "./harness/storm.ts";
import { until } from "./harness/wait.ts";

const BUDGET = { "budgets/all.yaml": "apiVersion: loopwright.dev/v1\nkind: Budget\nname: all\nscope: { workspace: true }\nperiod: month\ncapUsd: 100\n" };

interface Sums {
  readonly runs: number;
  readonly done: number;
  readonly calls: number;
  readonly cost: number;
}

async function sumsOf(db: Db): Promise<Sums> {
  const { rows } = await sql<Sums>`
    select (select count(*) from runs) as runs, (select count(*) from runs where state = 'done') as done,
           (select count(*) from ledger) as calls, (select coalesce(sum(cost_nanos), 0)::bigint from ledger) as cost`.execute(db);
  return rows[0]!;
}

const isBetween = (seen: Sums, [low, high]: readonly [Sums, Sums]): boolean =>
  (Object.keys(seen) as (keyof Sums)[]).every((key) => low[key] <= seen[key] && seen[key] <= high[key]);

export const backupUnderLoad: Case = {
  id: "F16",
  title: "a backup taken under load and restored into an empty database: runs, ledger, receipts and journal are those of one moment",
  short: true,
  limitMs: { short: 90_000, full: 300_000 },
  async run(world) {
    const storm = await openStorm(world, { files: BUDGET, isWatched: false });
    const { db, url } = storm.database;
    const scripts = stormScripts(world.short ? { runs: 60, steps: 10 } : { runs: 1_500, steps: 12 });
    await storm.queue([...Array.from({ length: 20 }, () => "findable"), ...scripts]);
    await Promise.all(["engine-a", "engine-b"].map((name) => storm.engine(name, { toolMs: 10 })));
    await sleep(world.short ? 800 : 8_000);
    await until(async () => (await sumsOf(db)).done > 0, { limitMs: 30_000 }); // a slow machine: there must be a receipt to look at
    const home = await openHome(join(world.folder, "from"));
    const into = await openHome(join(world.folder, "to"));
    const out = join(world.folder, "all.loopwright-backup");
    const before = await sumsOf(db);
    const startMs = performance.now();
    const manifest = await backup({
      url,
      home,
      workspaceFolder: join(world.folder, "from", "workspace"),
      secretsKeyFile: join(home.keys, "secrets.key"),
      out,
      version: "trial",
      log: silentLog,
      clock: systemClock,
    });
    const backupMs = performance.now() - startMs;
    const after = await sumsOf(db);
    const target = await world.database({ empty: true });
    const restoreStartMs = performance.now();
    await restore({
      file: out,
      url: target.url,
      home: into,
      workspaceFolder: join(world.folder, "to", "workspace"),
      secretsKeyFile: join(into.keys, "secrets.key"),
      keys: "leave",
      log: silentLog,
      verifyJournal: (restored) => verifyJournal(restored),
    });
    const restoreMs = performance.now() - restoreStartMs;
    const restored = await sumsOf(target.db);
    const journal = await verifyJournal(target.db);
    const trustedKeys = (await listKeys(target.db)).map((key) => key.publicKey);
    const { rows: receipts } = await sql<{ envelope: string }>`select envelope from receipts`.execute(target.db);
    const refusals = receipts.map(({ envelope }) => verifyReceipt(envelope, { trustedKeys })).flatMap((seen) => (seen.kind === "verified" ? [] : [seen.why]));
    const unreceipted = await countOf(
      target.db,
      "select count(*) as n from runs r where r.ended_at is not null and not exists (select from receipts where run_id = r.id)",
    );
    const torn = await countOf(
      target.db,
      "select count(*) as n from acts a where a.state = 'done' and a.kind = 'model' and not exists (select from ledger l where l.act_id = a.id and l.state = 'settled')",
    );
    const charged = await countOf(
      target.db,
      "select ((select coalesce(sum(spent_nanos), 0) from budget_periods) + (select coalesce(sum(spent_nanos), 0) from allotments))::bigint as n",
    );
    const bytes = await countOf(target.db, "select pg_database_size(current_database()) as n");
    const perGb = (restoreMs / bytes) * 1_073_741_824;
    const finished = await storm.allEnded(world.short ? 40_000 : 120_000);
    return judged({
      reached: after.calls - before.calls,
      wanted: world.short ? 5 : 200,
      figure: `${after.calls - before.calls} calls came in meanwhile; backup ${(await stat(out)).size >> 10} KiB in ${ms(backupMs)}, restore ${ms(restoreMs)} (${ms(perGb)} per GB); ${restored.runs} runs, ${restored.calls} calls, ${receipts.length} receipts, ${refusals.length} of them refused${refusals[0] === undefined ? "" : ` (${refusals[0]})`}, journal ${journal.kind} (${manifest.tables.length} tables)`,
      conditions: {
        "of one moment": isBetween(restored, [before, after]) && unreceipted === 0 && torn === 0,
        "the ledger adds up": charged === restored.cost,
        "receipts verify": refusals.length === 0 && receipts.length === restored.done && receipts.length > 0,
        "the journal verifies": journal.kind === "verified",
        "a minute per GB": perGb <= 60_000 || bytes < 200 * 1_048_576,
        "the load went on": finished,
      },
    });
  },
};
