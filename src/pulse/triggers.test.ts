import assert from "node:assert/strict";
import { test } from "node:test";
import type { Scheduled } from "#src/database/queue.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { listRuns } from "#src/runs/store/state.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import { createTriggers } from "./triggers.ts";

const trigger = (name: string, at: string, more = ""): string =>
  `apiVersion: loopwright.dev/v1\nkind: Trigger\nname: ${name}\nagent: desk\ntask: triage\non: { schedule: { at: "${at}", text: "look at the oven"${more} } }\n`;

function workspaceWith(files: Readonly<Record<string, string>>) {
  const parsed = parseWorkspace(filesOf({ ...SOUND_FILES, ...files }));
  assert.ok(parsed.kind === "ok", JSON.stringify(parsed));
  return parsed.workspace;
}

/** Keeps schedules as the queue does. */
function heldQueue() {
  const kept = new Map<string, Scheduled>();
  const calls: string[] = [];
  return {
    kept,
    calls,
    scheduled: () => Promise.resolve([...kept.values()]),
    schedule(_name: string, when: string, { key = "", timeZone, missed }: { key?: string; timeZone: string; missed: string }) {
      if (when === "99 9 * * *") return Promise.reject(new LoopError("input_invalid", "no such minute"));
      calls.push(`+${key}`);
      kept.set(key, { key, when, timeZone, missed });
      return Promise.resolve();
    },
    unschedule(_name: string, key = "") {
      calls.push(`-${key}`);
      kept.delete(key);
      return Promise.resolve();
    },
  };
}

test("the schedules of the queue follow the revision in force, and nothing is done twice", async (t) => {
  const { db } = await testDatabase(t);
  const queue = heldQueue();
  queue.kept.set("old", { key: "old", when: "0 1 * * *", timeZone: "UTC", missed: "once" });
  let current = {
    revision: 1,
    workspace: workspaceWith({
      "triggers/a.yaml": trigger("morning", "0 9 * * 1-5", ", timeZone: Europe/Lisbon"),
      "triggers/b.yaml": trigger("wrong", "99 9 * * *"),
    }),
  };
  const workspaces = { current: () => Promise.resolve(current), at: () => Promise.resolve(current.workspace) };
  const engine = { db, clock: heldClock(), log: silentLog, workspaces, tiers: () => ({ fast: [], strong: [] }) };
  const { follow } = createTriggers({ engine, queue, mayTake: () => true, changed: () => undefined });
  await follow();
  await follow();
  assert.deepEqual(queue.calls, ["+morning", "-old"]);
  assert.deepEqual([...queue.kept.values()], [{ key: "morning", when: "0 9 * * 1-5", timeZone: "Europe/Lisbon", missed: "once" }]);
  current = { revision: 2, workspace: workspaceWith({ "triggers/a.yaml": trigger("morning", "FREQ=DAILY;BYHOUR=8", ", missed: skip") }) };
  await follow();
  assert.deepEqual([...queue.kept.values()], [{ key: "morning", when: "FREQ=DAILY;BYHOUR=8", timeZone: "UTC", missed: "skip" }]);
});

test("a firing becomes one ticket and one run with its task, however often its job is handled", async (t) => {
  const { db } = await testDatabase(t);
  const workspace = workspaceWith({ "triggers/a.yaml": trigger("morning", "0 9 * * *", ", labels: { shop: lisbon }") });
  const workspaces = { current: () => Promise.resolve({ revision: 1, workspace }), at: () => Promise.resolve(workspace) };
  let room = false;
  const engine = { db, clock: heldClock(), log: silentLog, workspaces, tiers: () => ({ fast: [], strong: [] }) };
  const { fire } = createTriggers({ engine, queue: heldQueue(), mayTake: () => room, changed: () => undefined });
  const job = { id: "0199c0ff-0000-7000-8000-000000000001", data: { trigger: "morning" } };
  await assert.rejects(fire(job), (error: LoopError) => error.code === "storage_full");
  room = true;
  await Promise.all([fire(job), fire(job)]);
  await fire(job);
  await fire({ ...job, id: "0199c0ff-0000-7000-8000-000000000002", data: { trigger: "gone" } });
  const runs = await listRuns(db, { limit: 10 });
  assert.deepEqual(
    runs.map(({ agent, labels, limits }) => [agent, labels, limits.task]),
    [["desk", { shop: "lisbon" }, "triage"]],
  );
  const { source, sender, trust, routeReason, body } = await requireTicket(db, runs[0]!.ticketId!);
  assert.deepEqual(
    { source, sender, trust, routeReason, body },
    { source: "schedule", sender: "trigger:morning", trust: "owner", routeReason: "the trigger morning fired (0 9 * * *)", body: "look at the oven" },
  );
});
