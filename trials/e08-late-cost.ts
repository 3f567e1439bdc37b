import { sql } from "kysely";
import { type Case, judged } from "./harness/case.ts";
import { account, countOf, stepsIn, told } from "./harness/oracle.ts";
import { openStorm } from "./harness/storm.ts";
import { until } from "./harness/wait.ts";

const LEASE_MS = 2_000;
const THINK_MS = 1_500;
/** The price of one scripted call: 100 tokens in at $1 and 20 out at $2 a million. */
const CALL_NANOS = 140_000;
const BUDGET = { "budgets/all.yaml": "apiVersion: loopwright.dev/v1\nkind: Budget\nname: all\nscope: { workspace: true }\nperiod: month\ncapUsd: 100\n" };

interface Entry {
  readonly attempt: number;
  readonly state: string;
  readonly source: string | null;
  readonly cost: number | null;
}

export const lateCost: Case = {
  id: "E08",
  title: "a process that was stopped past its lease settles its late model calls: the costs are in the ledger once, the runs have moved on",
  short: true,
  limitMs: { short: 60_000, full: 90_000 },
  async run(world) {
    const storm = await openStorm(world, { files: BUDGET });
    const { db } = storm.database;
    const runs = world.short ? 8 : 30;
    const scripts = Array.from({ length: runs }, () => `think:${THINK_MS} findable`);
    const settings = { leaseMs: LEASE_MS, isDeaf: true, slots: runs };
    const first = await storm.engine("engine-a", settings);
    await storm.queue(scripts);
    const underWay = (): Promise<number> => countOf(db, "select count(*) as n from acts where kind = 'model' and state = 'started'");
    await until(async () => (await underWay()) === runs, { limitMs: 10_000, everyMs: 5 });
    const stopped = await underWay();
    first.signal("SIGSTOP");
    await storm.engine("engine-b", settings);
    const moved = await until(async () => (await countOf(db, "select count(*) as n from acts where kind = 'model' and turn = 1 and attempts = 2")) === runs, {
      limitMs: 20_000,
    });
    first.signal("SIGCONT");
    const late = await until(async () => (await countOf(db, "select count(*) as n from events where kind = 'act.late_outcome'")) === runs, { limitMs: 15_000 });
    const finished = await storm.allEnded(20_000);
    const seen = await account(db, storm.effects, stepsIn(scripts));
    const { rows } = await sql<Entry>`
      select l.attempt, l.state, l.source, l.cost_nanos as cost from ledger l join acts a on a.id = l.act_id where a.turn = 1 order by l.act_id, l.attempt`.execute(
      db,
    );
    const firsts = rows.filter((row) => row.attempt === 1);
    const measured = (entries: readonly Entry[]): boolean =>
      entries.length === runs && entries.every((row) => row.state === "settled" && row.source === "measured" && row.cost === CALL_NANOS);
    const booked = await countOf(db, "select coalesce(sum(cost_nanos), 0)::bigint as n from ledger");
    const charged = await countOf(
      db,
      "select ((select coalesce(sum(spent_nanos), 0) from budget_periods) + (select coalesce(sum(spent_nanos), 0) from allotments))::bigint as n",
    );
    return judged({
      reached: stopped,
      wanted: runs,
      figure: `${firsts.length} late calls, ${firsts.filter((row) => row.source === "measured").length} at what they cost, ledger $${(booked / 1e9).toFixed(6)}, budgets $${(charged / 1e9).toFixed(6)}, ${told(seen)}`,
      conditions: {
        "moved on": moved && finished,
        "late outcomes recorded": late,
        "each late cost once": measured(firsts),
        "each second cost once": measured(rows.filter((row) => row.attempt === 2)),
        "budgets and ledger agree": booked === charged && booked === (3 * runs + runs) * CALL_NANOS,
        sound: seen.isSound,
      },
    });
  },
};
