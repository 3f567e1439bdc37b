import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { effects } from "#src/testing/effect-ledger.ts";
import { killAtEveryPoint, type SweepPlace } from "#src/testing/kill-sweep.ts";
import { liveTurns } from "#src/testing/turn-sweep-child.ts";

/** What conversations, handing over and giving away have added; the other points have a sweep of their own. */
const OURS = /^(thread|turn|steer|handoff|delegate|finish|act\.handoff)\./;

async function judge({ db, folder }: SweepPlace) {
  const { rows: runs } = await sql<{ run: string }>`
    select agent || ' ' || state || case when parent_run_id is null then '' else ' part' end as run from runs order by created_at, id`.execute(db);
  const { rows: said } = await sql<{ said: string; n: number }>`
    select role || ': ' || text as said, dense_rank() over (order by run_id)::int as n from thread_messages order by position`.execute(db);
  const { rows: acts } = await sql<{ act: string }>`select name || ' ' || state as act from acts where kind <> 'model' order by created_at, id`.execute(db);
  const { rows: events } = await sql<{ n: number }>`select count(*)::int as n from events where kind in ('run.handed_over', 'run.delegated')`.execute(db);
  const lines = await effects(join(folder, "effects"));
  return {
    runs: runs.map(({ run }) => run),
    said: said.map((one) => one.said),
    acts: acts.map(({ act }) => act),
    events: events[0]!.n,
    lines: lines.map(({ kind, times }) => `${kind} ${times}`),
  };
}

const UNHARMED = {
  runs: ["second done", "part done part", "second done"],
  said: [
    "person: message m1",
    "person: message m2",
    "person: message m3",
    "agent: second heard: [first handed this over to second: the rest is yours]",
    "agent: second heard: message m3",
  ],
  acts: ["delegate.part done", "effect.findable done", "handoff.second done"],
  events: 2,
  lines: ["effect.findable 1"],
};

test("killed at every point of a conversation, nothing that was said is lost or answered twice, and runs go over and out once", { timeout: 400_000 }, (t) =>
  killAtEveryPoint(t, {
    program: new URL("../../testing/turn-sweep-child.ts", import.meta.url),
    live: liveTurns,
    judge,
    unharmed: UNHARMED,
    chosen: (points) => points.filter(({ name, number }) => OURS.test(name) && points.findLastIndex((point) => point.name === name) === number - 1),
    reaches: ["thread.message", "turn.taken", "steer.taken", "handoff.given", "delegate.run", "delegate.settled", "finish.parent_woken", "thread.continue"],
  }),
);
