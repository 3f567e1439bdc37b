import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { killAtEveryPoint, type SweepPlace } from "#src/testing/kill-sweep.ts";
import { liveWorker } from "#src/testing/worker-sweep-child.ts";

/** What workers have added; the other points have sweeps of their own. */
const OURS = /^(worker|act\.worker|act\.check)\./;

async function judge({ db, folder }: SweepPlace) {
  const one = async (query: ReturnType<typeof sql<{ line: string }>>) => (await query.execute(db)).rows.map(({ line }) => line);
  const linesOf = async (file: string) => (await readFile(join(folder, file), "utf8")).trim().split("\n").length;
  return {
    runs: await one(sql`select state || ' ' || attempt as line from runs`),
    tickets: await one(sql`select alias || ' ' || status as line from tickets`),
    acts: await one(sql`select name || ' ' || state as line from acts order by created_at, id`),
    ends: await one(sql`select count(*)::text as line from events where kind = 'worker.ended'`),
    openTokens: await one(sql`select id as line from tokens where run_id is not null and revoked_at is null`),
    started: await linesOf("starts"),
    checked: (await linesOf("checks")) > 0,
  };
}

test(
  "killed at every point of a worker's life, it is started once, its end is recorded once, and only its check resolves the ticket",
  { timeout: 200_000 },
  (t) =>
    killAtEveryPoint(t, {
      program: new URL("../../testing/worker-sweep-child.ts", import.meta.url),
      live: liveWorker,
      judge,
      unharmed: {
        runs: ["done 1"],
        tickets: ["fix-login resolved"],
        acts: ["worker.custom done", "worker.verify done"],
        ends: ["1"],
        openTokens: [],
        started: 1,
        checked: true,
      },
      chosen: (points) => points.filter(({ name }) => OURS.test(name)),
      reaches: ["act.worker.performed", "act.worker.ended", "worker.end_woken", "worker.end_kept", "worker.end_committed", "worker.settled", "act.check.ended"],
    }),
);
