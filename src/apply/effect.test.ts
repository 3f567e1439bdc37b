import assert from "node:assert/strict";
import { test } from "node:test";
import { listPrincipals } from "#src/people/store/principals.ts";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { claimBounded } from "#src/leases/store/claim.ts";
import { createRun } from "#src/runs/create.ts";
import { forgetExpiredMemories } from "#src/runs/memory/forget.ts";
import { readState } from "#src/runs/store/state.ts";
import { tiersOf } from "#src/runs/think/tiers.ts";
import { inTransaction } from "#src/database/open.ts";
import { applyFiles } from "#src/workspace/taking.ts";
import { callFor, memoryWorld, runIn, textsIn } from "#src/runs/memory/memory-fixture.ts";
import { revisionFiles } from "#src/workspace/revisions.ts";
import { followRevision } from "./effect.ts";

test("several processes that follow a revision at once make each person once, and none of them fails", async (t) => {
  const { db } = await testDatabase(t);
  const clock = heldClock();
  await applyFiles(db, clock, { files: filesOf(SOUND_FILES), author: "system", note: "test" });
  const followed = await Promise.all(Array.from({ length: 5 }, () => followRevision(db, clock, createWorkspaceView(db))));
  assert.deepEqual(followed, [1, 1, 1, 1, 1]);
  assert.deepEqual((await listPrincipals(db)).map((principal) => principal.handle).toSorted(), ["ana", "rui"]);
});

test("a bound by label lets one run at a time work on each thing, whichever agent works, and ends with the revision that takes it away", async (t) => {
  const { db } = await testDatabase(t);
  const clock = heldClock();
  const workspaces = createWorkspaceView(db);
  const files = (bound: string) => ({
    ...SOUND_FILES,
    "loop.yaml": `${SOUND_FILES["loop.yaml"]}${bound}`,
    "agents/night.yaml": SOUND_FILES["agents/desk.yaml"].replace("desk", "night"),
    "brain/entities/shops.yaml": `${SOUND_FILES["brain/entities/shops.yaml"]}  - { id: porto, name: Porto }\n`,
  });
  const follow = async (bound: string) => {
    await applyFiles(db, clock, { files: filesOf(files(bound)), author: "system", note: "test" });
    await followRevision(db, clock, workspaces);
  };
  const queue = async (agent: string, shop: string) => {
    const { revision, workspace } = await workspaces.current();
    const place = { clock, revision, workspace, tiers: tiersOf(workspace, {}) };
    const input = { text: "the oven is cold", source: "test", trust: "owner" } as const;
    return inTransaction(db, (tx) => createRun(tx, place, { agent, ticketId: null, threadId: null, labels: { shop, floor: "2" }, input }));
  };
  const claimed = async () => {
    const lease = await claimBounded(db, { holder: "test", leaseMs: 60_000 });
    return lease && (await readState(db, lease.runId)).run.labels["shop"];
  };
  await follow("concurrency: { shop: 1 }\n");
  for (const [agent, shop] of [
    ["desk", "lisbon"],
    ["night", "lisbon"],
    ["desk", "porto"],
  ] as const)
    await queue(agent, shop);
  assert.deepEqual([await claimed(), await claimed(), await claimed()], ["lisbon", "porto", undefined]);
  await follow("");
  assert.deepEqual([await claimed(), await claimed()], ["lisbon", undefined]);
});

test("a shorter retention counts for what is remembered already; a longer one does not bring back what was to go", async (t) => {
  const { db, clock, engine, pass } = await memoryWorld(t);
  const day = 86_400_000;
  const known = async (text: string) =>
    textsIn(await callFor(engine, await runIn(engine, { agent: "channel-one", channel: "dev" }), { name: "memory.recall", args: { text } }));
  const keepFor = async (retention: string) => {
    const files = new Map(await revisionFiles(db, (await engine.workspaces.current()).revision));
    const path = "agents/channel-one.yaml";
    files.set(
      path,
      Buffer.from(
        files
          .get(path)!
          .toString()
          .replace(/retention: \w+/, `retention: ${retention}`),
      ),
    );
    await applyFiles(db, clock, { files, author: "system", note: "" });
    await followRevision(db, clock, engine.workspaces);
  };
  await callFor(engine, await runIn(engine, { agent: "channel-one", channel: "dev" }), {
    name: "memory.remember",
    args: { kind: "fact", text: "The walrus is fed at noon" },
  });
  await keepFor("7d");
  await keepFor("90d");
  await pass(6 * day);
  assert.deepEqual(await known("walrus"), ["The walrus is fed at noon"]);
  await pass(2 * day);
  assert.deepEqual([await known("walrus"), await forgetExpiredMemories(db, clock)], [[], 1]);
});
