import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { systemClock } from "#src/kernel/clock.ts";
import { makePrincipal } from "#src/people/people-fixture.ts";
import { killAtEveryPoint, oncePerWay, type SweepPlace } from "#src/testing/kill-sweep.ts";
import { SOUND_FILES, writeFiles } from "#src/testing/workspace-files.ts";
import { applyFolder } from "#src/workspace/taking.ts";
import { liveApply } from "./apply-sweep-fixture.ts";

const BUDGET = "budgets/lisbon.yaml";
const DEARER = { [BUDGET]: SOUND_FILES[BUDGET].replace("500", "900"), "budgets/porto.yaml": SOUND_FILES[BUDGET].replace("name: lisbon", "name: porto") };

/** The first revision in force, and a folder that wants more. */
async function prepare({ db, folder }: SweepPlace): Promise<void> {
  const workspace = join(folder, "workspace");
  const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
    await writeFiles(workspace, Object.entries(files));
  };
  await write(SOUND_FILES);
  await applyFolder(db, systemClock, { folder: workspace, author: "system", note: "first" });
  await write(DEARER);
  await makePrincipal(db, systemClock, { handle: "otto", roles: ["operator"] });
  await makePrincipal(db, systemClock, { handle: "zoe", roles: ["owner"] });
}

/** Numbers of revisions may have gaps: a transaction that was cut takes its number with it. */
async function judge({ db, folder }: SweepPlace) {
  const { rows: revisions } = await sql<{ revision: string }>`
    select (select count(*) from revisions o where o.number <= r.parent) || ' and ' || kind || ' ' || note as revision from revisions r order by number`.execute(
    db,
  );
  const { rows: requests } = await sql<{ request: string }>`
    select state || coalesce(' to ' || target, '') as request from apply_requests order by created_at, id`.execute(db);
  const { rows: asks } = await sql<{ ask: string }>`select purpose || ' ' || state || ' ' || coalesce(answer, '') as ask from asks`.execute(db);
  const { rows: events } = await sql<{ kind: string; n: number }>`
    select kind, count(*)::int as n from events where kind ~ '^(workspace|apply)\.' group by kind order by kind`.execute(db);
  const workspace = join(folder, "workspace");
  const names = (await readdir(workspace, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const files = await Promise.all(
    names.map(async ({ parentPath, name }) => [join(parentPath, name).slice(workspace.length + 1), await readFile(join(parentPath, name), "utf8")] as const),
  );
  return {
    revisions: revisions.map(({ revision }) => revision),
    requests: requests.map(({ request }) => request),
    asks: asks.map(({ ask }) => ask),
    events: Object.fromEntries(events.map(({ kind, n }) => [kind, n])),
    files: Object.fromEntries(files),
  };
}

const UNHARMED = {
  revisions: ["0 and apply first", "1 and apply flour", "2 and apply back"],
  requests: ["applied", "applied to 1"],
  asks: ["apply answered approve"],
  events: { "apply.requested": 1, "workspace.applied": 2, "workspace.revised": 3 },
  files: SOUND_FILES,
};

test(
  "killed at every point from the plan over the approval to the files, each revision is made once and the folder says what is in force",
  { timeout: 300_000 },
  (t) =>
    killAtEveryPoint(t, {
      program: new URL("apply-sweep-fixture.ts", import.meta.url),
      live: liveApply,
      prepare,
      judge,
      unharmed: UNHARMED,
      chosen: (points) => oncePerWay(points, /^(apply|revision|return|file|follow)\./),
      reaches: [
        ...["blobs_kept", "asked", "requested", "checked", "recorded", "journaled", "settled", "committed"].map((point) => `apply.${point}`),
        ...["blobs_written", "inserted", "journaled"].map((point) => `revision.${point}`),
        ...["file_written", "written"].map((point) => `return.${point}`),
        "file.drafted",
        ...["people", "brain", "allotments", "lanes", "committed"].map((point) => `follow.${point}`),
      ],
    }),
);
