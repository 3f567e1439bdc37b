import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { type Db, inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { type Case, judged } from "./harness/case.ts";
import { countOf, verifiedJournal } from "./harness/oracle.ts";
import { hurry } from "./harness/people.ts";
import { ms } from "./harness/statistics.ts";
import { openStorm } from "./harness/storm.ts";
import { inLanes, until } from "./harness/wait.ts";

const OPEN_MS = 5_000;

const note = (kind: string, of: number) => ({ kind: `trial.${kind}`, actor: "system", payload: { of } });

const isSealed = async (db: Db, id: number): Promise<boolean> =>
  (await countOf(db, `select count(*) as n from events where id = ${id} and position is not null`)) === 1;

/** Three transactions; the middle one stays open for five seconds. Gives how long the others took to be sealed. */
async function threeTransactions(db: Db): Promise<{ sealedAfterMs: number; stillOpen: boolean; inOrder: boolean }> {
  let middle = 0;
  const opened = Promise.withResolvers<void>();
  const held = inTransaction(db, async (tx) => {
    [middle = 0] = await append(tx, systemClock, [note("middle", 0)]);
    opened.resolve();
    await sleep(OPEN_MS);
  });
  const [first = 0] = await append(db, systemClock, [note("first", 0)]);
  await opened.promise;
  const [third = 0] = await append(db, systemClock, [note("third", 0)]);
  await hurry(db);
  const startMs = performance.now();
  await until(async () => (await isSealed(db, first)) && (await isSealed(db, third)), { limitMs: 10_000, everyMs: 10 });
  const sealedAfterMs = performance.now() - startMs;
  const stillOpen = !(await isSealed(db, middle));
  await held;
  const [effect = 0] = await append(db, systemClock, [note("effect", middle)]);
  await hurry(db);
  await until(() => isSealed(db, effect), { limitMs: 5_000 });
  const { rows } = await sql<{ id: number; position: number | null }>`select id, position from events where id in (${middle}, ${effect})`.execute(db);
  const position = new Map(rows.map((row) => [row.id, row.position ?? 0]));
  return { sealedAfterMs, stillOpen, inOrder: position.get(middle)! > 0 && position.get(middle)! < position.get(effect)! };
}

/** Causes that commit at once or after a while, each followed by an effect as soon as the cause is there; many at a time. */
async function chains(db: Db, count: number): Promise<number> {
  let longOpen = 0;
  await inLanes(
    Array.from({ length: count }, (_, index) => index),
    8,
    async (index) => {
      const isLong = index % 10 === 0;
      if (isLong) longOpen += 1;
      const cause = await inTransaction(db, async (tx) => {
        const [id = 0] = await append(tx, systemClock, [note("cause", index)]);
        await sleep(isLong ? 200 + Math.random() * 300 : Math.random() * 5);
        return id;
      });
      await append(db, systemClock, [note("consequence", cause)]);
      if (index % 7 === 0) await hurry(db);
    },
  );
  return longOpen;
}

export const journalOrder: Case = {
  id: "E04",
  title: "three transactions, the middle one open for 5 s: no event is sealed before its cause, and the others are not delayed",
  short: true,
  limitMs: { short: 60_000, full: 120_000 },
  async run(world) {
    const storm = await openStorm(world);
    const { db } = storm.database;
    await Promise.all([storm.engine("engine-a", { pulses: false }), storm.engine("engine-b", { pulses: false })]); // two sealers
    const [three, longOpen] = await Promise.all([threeTransactions(db), chains(db, world.short ? 400 : 3_000)]);
    const journal = await verifiedJournal(db);
    const before = await countOf(
      db,
      `select count(*) as n from events e join payloads p on p.event_id = e.id join events c on c.id = (p.body::jsonb ->> 'of')::bigint
        where e.kind = 'trial.consequence' and not (c.position < e.position)`,
    );
    const pairs = await countOf(db, "select count(*) as n from events where kind = 'trial.consequence'");
    return judged({
      reached: longOpen + (three.stillOpen ? 1 : 0),
      wanted: 20,
      figure: `${pairs} causes and effects, ${before} sealed out of order; beside a transaction open for 5 s the others were sealed after ${ms(three.sealedAfterMs)}; ${journal.said}`,
      conditions: { "in order": before === 0 && three.inOrder, "not delayed": three.sealedAfterMs < 2_000, "journal verified": journal.isSound },
    });
  },
};
