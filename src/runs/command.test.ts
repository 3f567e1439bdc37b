import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { openAsks } from "#src/asks/store/read.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { testDatabase } from "#src/testing/database.ts";
import { deskEngine, receive } from "#src/testing/desk.ts";
import { drain, memorySurface } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { cancelRun, pauseRun, resumeRun } from "./command.ts";
import { retryRun } from "./retry.ts";
import { listRuns, readState } from "./store/state.ts";

const INES = { id: "prn_ines" as const, handle: "ines", roles: ["owner"] as const };
const LEAK = { sender: "guest@example.org", text: "冷氣漏水，離插座很近", language: "zh-TW", labels: { property: "warm_taipei_2br" } };
const by = (runId: string) => ({ runId, by: INES, reason: "the guest left" });

async function held(t: Parameters<typeof testDatabase>[0]) {
  const { db } = await testDatabase(t);
  const engine = await deskEngine({ db, clock: heldClock(), workspace: "warm-stays", surfaces: [memorySurface("outbox")] });
  const received = await receive(engine, LEAK);
  await drain(engine);
  return { db, engine, ...received };
}

test("a cancelled run leaves no open ask, its planned acts are cancelled, and its ticket is blocked", async (t) => {
  const { db, engine, runId, ticketId } = await held(t);
  await cancelRun(db, engine.clock, by(runId));
  const { run, acts, asks } = await readState(db, runId);
  assert.deepEqual(
    {
      state: run.state,
      dispatch: acts.at(-1)!.state,
      asks: asks.map((ask) => ask.state),
      open: (await openAsks(db)).length,
      ticket: (await requireTicket(db, ticketId)).status,
    },
    {
      state: "cancelled",
      dispatch: "cancelled",
      asks: ["cancelled"],
      open: 0,
      ticket: "blocked",
    },
  );
  await assert.rejects(cancelRun(db, engine.clock, by(runId)), { code: "run_not_open" });
  assert.equal(await drain(engine), 0);
});

test("a paused run does not move, whatever is answered, until it is resumed", async (t) => {
  const { db, engine, runId } = await held(t);
  await pauseRun(db, engine.clock, by(runId));
  assert.equal(await drain(engine), 0);
  await assert.rejects(pauseRun(db, engine.clock, by(runId)), { code: "run_not_open" });
  await resumeRun(db, engine.clock, by(runId));
  assert.ok((await drain(engine)) > 0);
  assert.equal((await readState(db, runId)).run.state, "waiting");
});

test("the work of an ended run is begun again in a run of its own, once", async (t) => {
  const { db, engine, runId, ticketId } = await held(t);
  const { revision, workspace } = await engine.workspaces.current();
  const place = { clock: engine.clock, revision, workspace, tiers: engine.tiers(workspace) };
  await assert.rejects(retryRun(db, place, by(runId)), { code: "run_not_open" });
  await cancelRun(db, engine.clock, by(runId));
  const tries = await Promise.allSettled([retryRun(db, place, by(runId)), retryRun(db, place, by(runId))]);
  assert.deepEqual(tries.map((result) => result.status).toSorted(), ["fulfilled", "rejected"]);
  await drain(engine);
  const runs = await listRuns(db, { ticketId, limit: 10 });
  assert.deepEqual(
    runs.map(({ state, attempt }) => ({ state, attempt })),
    [
      { state: "waiting", attempt: 2 },
      { state: "cancelled", attempt: 1 },
    ],
  );
  assert.equal((await requireTicket(db, ticketId)).status, "awaiting_human");
});

test("what is begun again has no more authority than before, and no less to answer for", async (t) => {
  const { db, engine, runId } = await held(t);
  const { revision, workspace } = await engine.workspaces.current();
  const brief = { chain: ["front", "triage"], taint: ["outside", "tool"], sawPrivate: true };
  await sql`update runs set limits = limits || '{"givers":["front"]}', brief = ${JSON.stringify(brief)}::jsonb where id = ${runId}`.execute(db);
  await cancelRun(db, engine.clock, by(runId));
  const { run } = await readState(db, await retryRun(db, { clock: engine.clock, revision, workspace, tiers: engine.tiers(workspace) }, by(runId)));
  assert.deepEqual([run.limits.givers, run.brief], [["front"], brief]);
});
