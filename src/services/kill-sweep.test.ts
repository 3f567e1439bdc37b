import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { createQueue } from "#src/database/queue.ts";
import { effects } from "#src/testing/effect-ledger.ts";
import { killAtEveryPoint, oncePerWay, type SweepPlace } from "#src/testing/kill-sweep.ts";
import { liveService } from "#src/testing/service-sweep-child.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import type { SweepPoint } from "#src/testing/sweep-life.ts";

async function prepare({ db, url }: SweepPlace): Promise<void> {
  const queue = createQueue({ db, url, log: silentLog, supervises: false });
  await queue.start();
  await queue.stop();
}

async function judge({ db, folder }: SweepPlace, killedAt?: SweepPoint) {
  const { rows: calls } = await sql<{ call: string }>`
    select c.callback_state || ' ' || r.agent || ' ' || r.state as call from service_calls c
    join thread_messages m on m.id = c.message_id join runs r on r.id = m.run_id order by c.at, c.id`.execute(db);
  const { rows: said } = await sql<{ said: string }>`
    select role || ': ' || text || case when delivered_at is null then '' else ' (delivered)' end as said from thread_messages order by position`.execute(db);
  const { rows: events } = await sql<{ kind: string; n: number }>`
    select kind, count(*)::int as n from events where kind in ('service.called', 'run.queued', 'run.handed_over', 'run.done') group by kind order by kind`.execute(
    db,
  );
  const { rows: jobs } = await sql<{ name: string; n: number }>`
    select name, count(*)::int as n from pgboss.job where name in ('callback', 'learn') group by name order by name`.execute(db);
  const calledBack = await effects(join(folder, "called-back"));
  // Between the sending and its record nobody knows whether it arrived: it is sent again, under the same id. Both callbacks may be at that point.
  const most = killedAt?.name.startsWith("callback.") ? 2 : 1;
  return {
    calls: calls.map(({ call }) => call),
    said: said.map((one) => one.said),
    events: Object.fromEntries(events.map(({ kind, n }) => [kind, n])),
    jobs: Object.fromEntries(jobs.map(({ name, n }) => [name, n])),
    effects: (await effects(join(folder, "effects"))).map(({ kind, times }) => `${kind} ${times}`),
    calledBack: calledBack.map(({ kind }) => kind),
    repeats: calledBack.filter(({ times }) => times > most).length,
  };
}

const UNHARMED = {
  calls: ["sent second done", "sent second done"],
  said: ["person: one lamp", "person: and a chair", "agent: second did it (delivered)", "agent: second did it (delivered)"],
  events: { "run.done": 2, "run.handed_over": 1, "run.queued": 2, "service.called": 2 },
  jobs: { callback: 2 },
  effects: ["effect.findable 1"],
  calledBack: ["done: second did it", "done: second did it"],
  repeats: 0,
};

test(
  "killed at every point of a call, its callback and a handover inside it, a call is one run and one result, and reaches whoever waits",
  { timeout: 300_000 },
  (t) =>
    killAtEveryPoint(t, {
      program: new URL("../testing/service-sweep-child.ts", import.meta.url),
      live: liveService,
      prepare,
      judge,
      unharmed: UNHARMED,
      chosen: (points) => oncePerWay(points, /^(service|callback|handoff)\.|^finish\.enqueued$|^thread\.continue$/),
      reaches: [
        ...["begun", "recorded", "committed"].map((point) => `service.${point}`),
        ...["sent", "marked", "delivered", "committed"].map((point) => `callback.${point}`),
        "handoff.given",
        "handoff.committed",
        "finish.enqueued",

        "thread.continue",
      ],
    }),
);
