import { sql } from "kysely";
import { append } from "#src/journal/store/append.ts";
import { newId } from "#src/kernel/ids.ts";
import { type Case, judged } from "./harness/case.ts";
import { countOf, verifiedJournal } from "./harness/oracle.ts";
import { openStorm, stormScripts } from "./harness/storm.ts";
import { account, stepsIn, told } from "./harness/oracle.ts";

export const clockBack: Case = {
  id: "F28",
  title: "the clock of a process steps backwards while it appends: positions and ids go on in order, the chain holds",
  short: true,
  limitMs: { short: 60_000, full: 90_000 },
  async run(world) {
    const storm = await openStorm(world);
    const { db } = storm.database;
    const scripts = stormScripts({ runs: world.short ? 10 : 50, steps: 5 });
    await storm.queue(scripts);
    await Promise.all([storm.engine("engine-a", { clockAheadMs: -3_600_000 }), storm.engine("engine-b", { clockAheadMs: 3_600_000 })]);
    let nowMs = Date.now();
    let steps = 0;
    const clock = { nowMs: () => nowMs };
    const ids: string[] = [];
    const appends = world.short ? 300 : 3_000;
    for (let index = 0; index < appends; index += 1) {
      nowMs += index % 10 === 9 ? -60_000 : 7_000;
      if (index % 10 === 9) steps += 1;
      ids.push(newId("act", nowMs));
      await append(db, clock, [{ kind: "trial.step", actor: "system", payload: { index } }]);
    }
    const finished = await storm.allEnded(30_000);
    const seen = await account(db, storm.effects, stepsIn(scripts));
    const journal = await verifiedJournal(db);
    const { rows } = await sql<{ index: number }>`
      select (p.body::jsonb ->> 'index')::int as index from events e join payloads p on p.event_id = e.id where e.kind = 'trial.step' order by e.position`.execute(
      db,
    );
    const inOrder = rows.length === appends && rows.every((row, index) => row.index === index);
    const idsInOrder = ids.every((id, index) => index === 0 || id > ids[index - 1]!);
    const backwards = await countOf(db, "select count(*) as n from (select at < lag(at) over (order by position) as back from events) x where back");
    return judged({
      reached: steps + Math.min(backwards, 1),
      wanted: appends / 10 + 1,
      figure: `${appends} appends with ${steps} steps back of a minute, beside engines an hour behind and an hour ahead; ${backwards} times in the journal are before the one in front of them, ${told(seen)}`,
      conditions: { "in order": inOrder, "ids in order": idsInOrder, "the chain holds": journal.isSound, "all finished": finished, sound: seen.isSound },
    });
  },
};
