import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { inTransaction } from "#src/database/open.ts";
import type { RunId } from "#src/kernel/ids.ts";
import type { Lease } from "#src/leases/lease.ts";
import { claim } from "#src/leases/store/claim.ts";
import { park } from "#src/leases/store/park.ts";
import { wake } from "#src/leases/store/wake.ts";
import { type Case, judged } from "./harness/case.ts";
import type { Child } from "./harness/child.ts";
import type { TrialDatabase } from "./harness/cluster.ts";
import { countOf } from "./harness/oracle.ts";
import { openStorm } from "./harness/storm.ts";
import type { World } from "./harness/world.ts";
import { textOf } from "./harness/text.ts";

const CHILD = new URL("./lease-child.ts", import.meta.url);

async function leaseChild(world: World, database: TrialDatabase, name: string): Promise<Child> {
  const child = world.start({ name, script: CHILD, args: [database.urlAs(name)] });
  await child.heard("ready");
  return child;
}

const wakeOrder: Case = {
  id: "E05",
  title: "two processes wake A then B, and B then A: no deadlock surfaces",
  short: true,
  limitMs: { short: 45_000, full: 90_000 },
  async run(world) {
    const { database, queue } = await openStorm(world);
    const { db } = database;
    const ids = (await queue(Array.from({ length: 6 }, () => "idempotent"))) as RunId[];
    const count = world.short ? 400 : 4_000;
    const children = await Promise.all(["lease-a", "lease-b"].map((name) => leaseChild(world, database, name)));
    children.forEach((child, index) => child.tell({ tell: "wake", ids: index === 0 ? ids : ids.toReversed(), count }));
    let mine = 0;
    for (; mine < count / 4; mine += 1) await inTransaction(db, (tx) => wake(tx, mine % 2 === 0 ? ids : ids.toReversed()));
    const ends = await Promise.all(children.map((child) => child.heard("followed", 40_000)));
    const { rows } = await sql<{ deadlocks: number }>`select deadlocks from pg_stat_database where datname = current_database()`.execute(db);
    const counters = await countOf(db, `select count(*) as n from runs where wake = ${2 * count + mine}`);
    const failed = ends.map((end) => String(end["failed"])).filter((text) => text !== "");
    return judged({
      reached: ends.reduce((sum, end) => sum + Number(end["rounds"]), mine),
      wanted: 2 * count,
      figure: `${2 * count + mine} transactions of ${ids.length} runs in both orders, ${rows[0]!.deadlocks} deadlocks${failed.length > 0 ? `: ${failed[0]}` : ""}`,
      conditions: { "no deadlock": rows[0]!.deadlocks === 0 && failed.length === 0, "every wake counted": counters === ids.length },
    });
  },
};

const renewAndPark: Case = {
  id: "E06",
  title: "a renewer in another process races the park: a parked run is never revived",
  short: true,
  limitMs: { short: 45_000, full: 90_000 },
  async run(world) {
    const { database, queue } = await openStorm(world);
    const { db } = database;
    const runs = world.short ? 150 : 1_000;
    await queue(Array.from({ length: runs }, () => "idempotent"));
    const leases: Lease[] = [];
    while (leases.length < runs) leases.push(...(await claim(db, { limit: 50, holder: "trial", leaseMs: 10_000 })));
    const renewers = await Promise.all(["lease-a", "lease-b"].map((name) => leaseChild(world, database, name)));
    for (const renewer of renewers) renewer.tell({ tell: "renew", leases });
    await sleep(300);
    let parked = 0;
    for (const lease of leases) if (await park(db, lease)) parked += 1;
    await sleep(500);
    for (const renewer of renewers) renewer.tell({ tell: "stop" });
    const rounds = (await Promise.all(renewers.map((renewer) => renewer.heard("followed")))).reduce((sum, end) => sum + Number(end["rounds"]), 0);
    const revived = await countOf(db, "select count(*) as n from runs where holder is not null or due is not null");
    const failed = renewers.flatMap((renewer) => renewer.said.map((said) => textOf(said["failed"]))).filter((text) => text !== "");
    const { rows } = await sql<{ deadlocks: number }>`select deadlocks from pg_stat_database where datname = current_database()`.execute(db);
    return judged({
      reached: Math.min(parked, rounds),
      wanted: Math.min(runs, 20),
      figure: `${parked} of ${runs} parked beside ${rounds} rounds of renewal, ${revived} revived, ${rows[0]!.deadlocks} deadlocks${failed.length > 0 ? `: ${failed[0]}` : ""}`,
      conditions: { "all parked": parked === runs, "none revived": revived === 0, "no deadlock": rows[0]!.deadlocks === 0 && failed.length === 0 },
    });
  },
};

export const leases: readonly Case[] = [wakeOrder, renewAndPark];
