import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { type Case, judged } from "./harness/case.ts";
import { account, countOf, ended, stepsIn, told } from "./harness/oracle.ts";
import { answerAll } from "./harness/people.ts";
import { openProxy } from "./harness/proxy.ts";
import { openStorm, type Storm, stormScripts } from "./harness/storm.ts";
import type { World } from "./harness/world.ts";

/** Keeps about so many runs open until the time is over. Gives all scripts. */
async function keepBusy(storm: Storm, { seconds, runs, steps }: { seconds: number; runs: number; steps: number }): Promise<string[]> {
  const all: string[] = [];
  const deadlineMs = performance.now() + seconds * 1_000;
  while (performance.now() < deadlineMs) {
    const open = (await ended(storm.database.db).catch(() => ({ open: runs }))).open;
    if (open < runs / 2) {
      const more = stormScripts({ runs: runs - open, steps, seed: all.length + 3 });
      const queued = await storm.queue(more).catch(() => undefined);
      if (queued) all.push(...more);
    }
    await sleep(100);
  }
  return all;
}

const load = ({ short }: World): { runs: number; steps: number } => (short ? { runs: 20, steps: 8 } : { runs: 60, steps: 12 });

export const cutConnections: Case = {
  id: "F19",
  title: "all connections to the database are cut every 2 s under load: everything finishes, every effect once",
  short: true,
  limitMs: { short: 120_000, full: 240_000 },
  async run(world) {
    const storm = await openStorm(world);
    const { db, name } = storm.database;
    const engines = await Promise.all(["engine-a", "engine-b"].map((engine) => storm.engine(engine, { leaseMs: 3_000 })));
    const person = answerAll(db);
    const seconds = world.short ? 10 : 60;
    const cluster = await world.cluster();
    let cuts = 0;
    let cut = 0;
    let cutting = true;
    const cutter = (async () => {
      while (cutting) {
        await sleep(2_000);
        const { rows } = await cluster.admin((client) =>
          client.query(
            "select pg_terminate_backend(pid) as done from pg_stat_activity where datname = $1 and application_name <> 'trial' and pid <> pg_backend_pid()",
            [name],
          ),
        );
        cuts += 1;
        cut += rows.length;
      }
    })();
    const all = await keepBusy(storm, { seconds, ...load(world) });
    cutting = false;
    await cutter;
    const finished = await storm.allEnded(33_000);
    await person.stop();
    const seen = await account(db, storm.effects, stepsIn(all));
    const quarantines = person.answered.filter((ask) => ask.purpose === "quarantine").length;
    return judged({
      reached: cut,
      wanted: cuts * 4,
      figure: `${cuts} times, ${cut} connections in all, ${engines.filter((engine) => engine.hasExited()).length} engines ended, ${quarantines} quarantined, ${told(seen)}`,
      conditions: {
        "all finished": finished,
        "engines stay up": engines.every((engine) => !engine.hasExited()),
        "none set aside": quarantines === 0,
        sound: seen.isSound,
      },
    });
  },
};

export const latency: Case = {
  id: "F21",
  title: "10 s of 500 ms more on the way to the database for one of two engines: no run is moved by two, everything finishes",
  short: true,
  limitMs: { short: 120_000, full: 180_000 },
  async run(world) {
    const storm = await openStorm(world);
    const { db } = storm.database;
    const proxy = await openProxy(storm.database.urlAs("engine-a"));
    world.after(proxy.close);
    const settings = { leaseMs: 4_000, toolMs: 10 };
    const engines = [await storm.engine("engine-a", { ...settings, url: proxy.url }), await storm.engine("engine-b", settings)];
    const busy = keepBusy(storm, { seconds: 14, ...load(world) });
    await sleep(2_000);
    proxy.delay(500);
    await sleep(10_000);
    const during = await countOf(db, "select count(*) as n from events where at > clock_timestamp() - interval '9 s'");
    proxy.delay(0);
    const all = await busy;
    const finished = await storm.allEnded(34_000);
    const seen = await account(db, storm.effects, stepsIn(all));
    return judged({
      reached: proxy.lines(),
      wanted: 2,
      figure: `${proxy.lines()} slow lines, ${during} events meanwhile, ${told(seen)}`,
      conditions: {
        "all finished": finished,
        "engines stay up": engines.every((engine) => !engine.hasExited()),
        "work goes on meanwhile": during > 20,
        sound: seen.isSound,
      },
    });
  },
};

const TABLES = ["acts", "runs", "messages", "events", "payloads", "ledger", "allotments", "receipts", "asks", "ask_decisions"];

/** Writes fail at random as they do when transactions collide. A sequence counts: what is rolled back is counted too. */
async function injectConflicts(db: Db): Promise<void> {
  await sql
    .raw(
      `
    create sequence trial_conflicts;
    create table trial_share (share float8 not null);
    insert into trial_share values (0);
    create function trial_conflict() returns trigger language plpgsql as $$
    begin
      if current_setting('application_name') like 'engine%' and random() < (select share from trial_share) then
        perform nextval('trial_conflicts');
        if random() < 0.5 then raise exception 'could not serialize access (trial)' using errcode = '40001';
        else raise exception 'deadlock detected (trial)' using errcode = '40P01';
        end if;
      end if;
      return null;
    end $$;`,
    )
    .execute(db);
  for (const table of TABLES)
    await sql.raw(`create trigger trial_conflict before insert or update on ${table} for each statement execute function trial_conflict()`).execute(db);
}

const conflictsSoFar = (db: Db): Promise<number> => countOf(db, "select case when is_called then last_value else 0 end as n from trial_conflicts");

export const conflicts: Case = {
  id: "F22",
  title:
    "serialization failures and deadlocks at random on every write: tried again, everything finishes; when they do not end, tries are bounded and a person is asked",
  short: true,
  limitMs: { short: 150_000, full: 300_000 },
  async run(world) {
    const storm = await openStorm(world);
    const { db } = storm.database;
    await injectConflicts(db);
    const person = answerAll(db, { answers: { act: "approve" } });
    const engines = await Promise.all(["engine-a", "engine-b"].map((engine) => storm.engine(engine, { leaseMs: 3_000, maxTries: 5 })));
    await sql`update trial_share set share = ${world.short ? 0.01 : 0.02}`.execute(db);
    const all = await keepBusy(storm, { seconds: world.short ? 8 : 60, ...load(world) });
    const finished = await storm.allEnded(60_000);
    const random = await conflictsSoFar(db);
    await sql`update trial_share set share = 0`.execute(db);
    const seen = await account(db, storm.effects, stepsIn(all));
    const setAside = await countOf(db, "select count(*) as n from asks where purpose = 'quarantine'");
    await sql.raw("drop trigger trial_conflict on runs; update trial_share set share = 1").execute(db); // claims succeed, nothing else does
    const [stuck] = await storm.queue(["idempotent"]);
    await sleep(world.short ? 5_000 : 30_000);
    const { rows } = await sql<{ fence: number }>`select fence from runs where id = ${stuck}`.execute(db);
    const always = (await conflictsSoFar(db)) - random;
    await sql`update trial_share set share = 0`.execute(db);
    const recovered = await storm.allEnded(70_000);
    await person.stop();
    return judged({
      reached: random,
      wanted: world.short ? 10 : 100,
      figure: `${random} conflicts at random, ${setAside} runs set aside by them, ${told(seen)}; when every write failed: ${rows[0]!.fence} claims and ${always} failures in ${world.short ? 5 : 30} s, then the run went on`,
      conditions: {
        "all finished": finished,
        sound: seen.isSound,
        "none set aside": setAside === 0,
        "no storm of tries": always <= (world.short ? 150 : 300),
        "goes on afterwards": recovered,
        "engines stay up": engines.every((engine) => !engine.hasExited()),
      },
    });
  },
};
