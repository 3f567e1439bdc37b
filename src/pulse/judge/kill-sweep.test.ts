import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { killAtEveryPoint, oncePerWay, type SweepPlace } from "#src/testing/kill-sweep.ts";
import { writeFiles } from "#src/testing/workspace-files.ts";
import { JUDGE_FILES } from "./judge-fixture.ts";
import { liveJudge } from "./kill-sweep-fixture.ts";

async function judge({ db, folder }: SweepPlace) {
  const { rows: runs } = await sql<{ state: string }>`select state from runs`.execute(db);
  const { rows: acts } = await sql<{ name: string; state: string }>`select name, state from acts where kind <> 'model' order by turn, ordinal`.execute(db);
  const { rows: lines } = await sql<{ line: string }>`
    select distinct p.body::jsonb ->> 'line' as line from events e join payloads p on p.event_id = e.id where e.kind = 'loop.action' order by 1`.execute(db);
  const { rows: spoken } = await sql<{ kind: string; times: number }>`
    select kind, count(*)::int as times from events where kind in ('judge.woken', 'judge.decided') group by kind order by kind`.execute(db);
  const { rows: notes } = await sql<{ times: number }>`
    select count(*)::int as times from events e join payloads p on p.event_id = e.id where e.kind = 'loop.action' and p.body like '%looked at%'`.execute(db);
  return {
    runs: runs.map(({ state }) => state),
    acts: acts.map(({ name, state }) => `${name} ${state}`),
    lines: lines.map(({ line }) => line),
    notes: notes[0]!.times,
    spoken: spoken.map(({ kind, times }) => `${kind} ${times}`),
    bread: await readFile(join(folder, "goals/bread.md"), "utf8"),
    archive: await readdir(join(folder, "goals/archive")),
  };
}

test("killed at every point of a decision, between its acts too, it goes on: each act is done once, and one decision is on record", { timeout: 400_000 }, (t) =>
  killAtEveryPoint(t, {
    program: new URL("kill-sweep-fixture.ts", import.meta.url),
    live: liveJudge,
    prepare: ({ folder }) => writeFiles(folder, Object.entries(JUDGE_FILES)),
    judge,
    unharmed: {
      runs: ["done"],
      acts: ["loop.goal_write done", "loop.journal_write done", "loop.goal_archive done", "loop.claim done"],
      lines: ["archive-goal stock", "looked at the flour", "write-goal bread"],
      notes: 1,
      spoken: ["judge.decided 1", "judge.woken 1"],
      bread: "# Bread\n",
      archive: ["stock.md"],
    },
    reaches: ["judge.created", "judge.woken", "judge.settled", "live.file_written", "act.tool.started", "act.tool.performed", "act.tool.ended"],
    chosen: (points) => oncePerWay(points, /^(judge|live|act\.tool)\./),
  }),
);
