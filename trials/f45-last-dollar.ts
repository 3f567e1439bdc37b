import { sql } from "kysely";
import { openAsks } from "#src/asks/store/read.ts";
import { type Case, judged } from "./harness/case.ts";
import { countOf } from "./harness/oracle.ts";
import { openStorm } from "./harness/storm.ts";
import { until } from "./harness/wait.ts";

const CAP_USD = 1;
const NANOS = 1_000_000_000;

/** A price at which the cap buys a good number of calls: $100 a million tokens in, $200 out; the scripted call uses 100 and 20. */
const FILES = {
  "loop.yaml": `apiVersion: loopwright.dev/v1
kind: Workspace
name: chats
models: { strong: "scripted:one", fast: "scripted:one" }
prices: { "scripted:*": { inputUsd: 100, outputUsd: 200 } }
defaults: { maxOutputTokens: 64 }
`,
  "budgets/last.yaml": `apiVersion: loopwright.dev/v1\nkind: Budget\nname: last\nscope: { workspace: true }\nperiod: month\ncapUsd: ${CAP_USD}\n`,
};

export const lastDollar: Case = {
  id: "F45",
  title: "a hundred calls at once from two engines against the last dollar: no more is spent than the cap and one call's most",
  short: true,
  limitMs: { short: 90_000, full: 150_000 },
  async run(world) {
    const storm = await openStorm(world, { files: FILES });
    const { db } = storm.database;
    const runs = 100;
    const scripts = Array.from({ length: runs }, () => "think:150 think:150 think:150 think:150");
    await storm.queue(scripts);
    const settings = { slots: 50, poolSize: 10, thinkMs: [100, 200] } as const;
    await Promise.all([storm.engine("engine-a", settings), storm.engine("engine-b", settings)]);
    let atOnce = 0;
    const settled = await until(
      async () => {
        const { rows } = await sql<{ reserved: number; open: number; held: number }>`
          select (select count(*) from ledger where state = 'reserved') as reserved, (select count(*) from runs where ended_at is null) as open,
                 (select count(*) from runs where holder is not null or due is not null) + (select count(*) from timers) as held`.execute(db);
        atOnce = Math.max(atOnce, rows[0]!.reserved);
        return rows[0]!.held === 0;
      },
      { limitMs: 60_000, everyMs: 20 },
    );
    const asks = (await openAsks(db)).filter((ask) => ask.purpose === "budget");
    const spent = await countOf(db, "select coalesce(sum(cost_nanos), 0)::bigint as n from ledger");
    const most = await countOf(db, "select max(reserved_nanos) as n from ledger");
    const calls = await countOf(db, "select count(*) as n from ledger");
    const granted = await countOf(db, "select max(granted_nanos) as n from budget_periods");
    const open = await countOf(db, "select count(*) as n from ledger where state = 'reserved'");
    const done = await countOf(db, "select count(*) as n from runs where state = 'done'");
    const usd = (nanos: number): string => `$${(nanos / NANOS).toFixed(4)}`;
    return judged({
      reached: atOnce,
      wanted: 20,
      figure: `${calls} calls, ${atOnce} at once, ${usd(spent)} spent of ${usd(CAP_USD * NANOS)}, ${usd(granted)} granted, one call at most ${usd(most)}, ${done} runs done, ${asks.length} held by the budget`,
      conditions: {
        settled: settled && open === 0,
        "within the cap and one call": spent <= CAP_USD * NANOS + most,
        "never more granted than the cap": granted <= CAP_USD * NANOS,
        "the cap was used, but for less than one call": spent > CAP_USD * NANOS - most,
        "everyone else was asked about": asks.length + done === runs && asks.length > 0,
      },
    });
  },
};
