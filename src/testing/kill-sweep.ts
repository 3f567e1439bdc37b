import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { testDatabase, type TestDatabase } from "./database.ts";
import { type Life, readPoints, type SweepPoint } from "./sweep-life.ts";

/** A database and a folder of their own for what is done before a kill and after it. */
export interface SweepPlace extends TestDatabase {
  readonly folder: string;
}

export interface KillSweep {
  /** The program whose processes are killed; it exports the life that it lives, given here too. */
  readonly program: URL;
  readonly live: Life;
  /** What is there before. */
  readonly prepare?: (place: SweepPlace) => Promise<void>;
  /** What there is at the end. */
  readonly judge: (place: SweepPlace, killedAt?: SweepPoint) => Promise<object>;
  /** What there has to be, killed or not. */
  readonly unharmed: object;
  /** Names of points that a life must reach, or the sweep says nothing. */
  readonly reaches: readonly string[];
  /** The points at which it is killed, where it is not all of them. */
  readonly chosen?: (points: readonly SweepPoint[]) => readonly SweepPoint[];
}

/** Lives once unharmed, then once per failpoint that was reached with `kill -9` there and a second life after it, and compares what there is at the end. */
export async function killAtEveryPoint(t: TestContext, sweep: KillSweep): Promise<void> {
  const compiled = await folderFor(t); // children start in half the time
  const first = (place: SweepPlace, env: Record<string, string>) => liveInProcess(place, sweep.program, { NODE_COMPILE_CACHE: compiled, ...env });
  const makePlace = async (): Promise<SweepPlace> => {
    const place = { ...(await testDatabase(t)), folder: await folderFor(t) };
    await sweep.prepare?.(place);
    await KEEP.execute(place.db);
    return place;
  };

  const unharmed = await makePlace();
  const trace = join(compiled, "points");
  const before = await placeAgain(t, unharmed);
  assert.equal(await first(before, { LOOP_FAILPOINT_TRACE: trace }), "0");
  assert.deepEqual(await sweep.judge(before), sweep.unharmed);
  const points = await readPoints(trace);
  const left = [...(sweep.chosen?.(points) ?? points)];
  const names = new Set(left.map(({ name }) => name));
  const missing = sweep.reaches.filter((name) => !names.has(name));
  assert.deepEqual(missing, [], "points that are not reached");

  const killAt = async (place: SweepPlace, point: SweepPoint): Promise<void> => {
    assert.equal(await first(place, { LOOP_FAILPOINT_KILL_AT: String(point.number) }), "SIGKILL");
    await untilGone(place);
    await sweep.live(place.db, place.folder, place.url);
    assert.deepEqual(await sweep.judge(place, point), sweep.unharmed);
  };
  const lane = async (made: Promise<SweepPlace>): Promise<void> => {
    const place = await made;
    for (let point = left.shift(); point; point = left.shift()) {
      const { name, number } = point;
      await t.test(`at ${number}, ${name}`, async (inner) => killAt(await placeAgain(inner, place), { name, number }));
    }
  };
  await Promise.all([lane(Promise.resolve(unharmed)), lane(makePlace())]);
}

async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-sweep-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const TABLES = sql`
  select format('%I.%I', s.nspname, c.relname) as name, format('kept.%I', s.nspname || '.' || c.relname) as kept,
    string_agg(quote_ident(a.attname), ', ') filter (where a.attgenerated = '') as columns
  from pg_class c join pg_namespace s on s.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where s.nspname in ('public', 'pgboss') and c.relkind = 'r' group by 1, 2`;

const KEEP = sql`
  do $$ declare one record; begin
    create schema kept;
    for one in ${TABLES} loop execute format('create table %s as table %s', one.kept, one.name); end loop;
  end $$`;

/** A database costs more to make than to be put back to what it was before the first life. */
const PUT_BACK = sql`
  do $$ declare one record; begin
    set local session_replication_role = replica; -- no key of one table keeps another from being emptied
    for one in ${TABLES} loop
      execute format('delete from %s', one.name);
      execute format('insert into %1$s (%2$s) overriding system value select %2$s from %3$s', one.name, one.columns, one.kept);
    end loop;
  end $$`;

async function placeAgain(t: TestContext, place: SweepPlace): Promise<SweepPlace> {
  const folder = await folderFor(t);
  await cp(place.folder, folder, { recursive: true });
  await PUT_BACK.execute(place.db);
  return { ...place, folder };
}

const APPLICATION = "swept";

/** Gives the signal or the code that ended the process. */
function liveInProcess({ url, folder }: SweepPlace, program: URL, env: Record<string, string>): Promise<string> {
  const named = new URL(url);
  named.searchParams.set("application_name", APPLICATION);
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [fileURLToPath(program), named.href, folder], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "inherit"],
    });
    child.once("exit", (code, signal) => resolve(signal ?? String(code)));
  });
}

/** Postgres notices a moment later that a client is dead, and keeps its locks until then. */
async function untilGone({ db }: SweepPlace): Promise<void> {
  for (;;) {
    const { rows } = await sql`select from pg_stat_activity where datname = current_database() and application_name = ${APPLICATION}`.execute(db);
    if (rows.length === 0) return;
  }
}

/** Of the points with such names: each name once after each other one, which is once per way to it. */
export function oncePerWay(points: readonly SweepPoint[], names: RegExp): SweepPoint[] {
  const seen = new Set<string>();
  return points
    .filter(({ name }) => names.test(name))
    .filter(({ name }, index, ours) => {
      const way = `${ours[index - 1]?.name} ${name}`;
      return !seen.has(way) && seen.add(way);
    });
}
