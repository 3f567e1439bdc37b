import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { house, resolveTicket } from "#src/learning/learning-fixture.ts";
import { killAtEveryPoint, type SweepPlace } from "#src/testing/kill-sweep.ts";
import { currentRevision, revisionFiles } from "#src/workspace/revisions.ts";
import { liveLearning } from "./kill-sweep-fixture.ts";

/** Two resolved tickets from which nothing was learned yet. */
async function prepare({ db }: SweepPlace): Promise<void> {
  const { engine, drafts } = await house(db);
  drafts({ vendor: "kamo", costUsd: 90, etaMinutes: 45 });
  for (const sender of ["a@example.org", "b@example.org"])
    await resolveTicket(engine, { sender, text: "the boiler is dripping", labels: { property: "machiya" } });
}

async function judge({ db, folder }: SweepPlace) {
  const { rows: events } = await sql<{ kind: string; count: number }>`
    select kind, count(*) as count from events where kind in ('lesson.learned', 'proposal.opened', 'proposal.accepted', 'workspace.revised') group by kind order by kind`.execute(
    db,
  );
  const { rows: items } = await sql<{
    layer: string;
    count: number;
  }>`select layer, count(*) as count from brain_items where layer in ('lesson', 'skill') group by layer order by layer`.execute(db);
  const { rows: proposals } = await sql<{ state: string; written: boolean }>`select state, written_at is not null as written from proposals`.execute(db);
  const files = await revisionFiles(db, (await currentRevision(db))!.number);
  const agrees = await Promise.all(
    ["SKILL.md", "skill.yaml"].map(
      async (name) =>
        (await readFile(join(folder, "skills/handle-leak", name), "utf8")) === Buffer.from(files.get(`skills/handle-leak/${name}`)!).toString("utf8"),
    ),
  );
  return { events, items, proposals, agrees };
}

const UNHARMED = {
  events: [
    { kind: "lesson.learned", count: 2 },
    { kind: "proposal.accepted", count: 1 },
    { kind: "proposal.opened", count: 1 },
    { kind: "workspace.revised", count: 2 },
  ],
  items: [
    { layer: "lesson", count: 2 },
    { layer: "skill", count: 1 },
  ],
  proposals: [{ state: "accepted", written: true }],
  agrees: [true, true],
};

test("killed at every named point in turn, what is learned and accepted is there once, in record, brain and folder", { timeout: 300_000 }, (t) =>
  killAtEveryPoint(t, {
    program: new URL("kill-sweep-fixture.ts", import.meta.url),
    live: liveLearning,
    prepare,
    judge,
    unharmed: UNHARMED,
    reaches: ["learn.case", "learn.remembered", "learn.proposed", "accept.decided", "accept.revised", "accept.committed", "accept.written"],
  }),
);
