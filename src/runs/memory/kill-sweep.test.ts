import { test } from "node:test";
import { sql } from "kysely";
import { systemClock } from "#src/kernel/clock.ts";
import { makePrincipal } from "#src/people/people-fixture.ts";
import { killAtEveryPoint, oncePerWay, type SweepPlace } from "#src/testing/kill-sweep.ts";
import { liveMemory } from "#src/testing/memory-sweep-child.ts";
import { rowsWith } from "./memory-fixture.ts";

async function judge({ db }: SweepPlace) {
  const { rows: kept } = await sql<{ text: string }>`select body as text from brain_items where layer = 'memory' order by id`.execute(db);
  const { rows: events } = await sql<{ kind: string; n: number }>`
    select kind, count(*)::int as n from events where kind like 'memory.%' group by kind order by kind`.execute(db);
  const { rows: asks } = await sql<{ ask: string }>`select purpose || ' ' || answer as ask from asks order by id`.execute(db);
  const { rows: acts } = await sql<{ act: string }>`
    select name || ' ' || state as act from acts where name like 'memory.%' and facts->>'ofProcedure' is null order by created_at, id`.execute(db);
  const forgotten = ["The key is blue.", "We ship on Monday.", "We ship on Tuesday.", "We ship on Sunday."];
  return {
    kept: kept.map(({ text }) => text),
    events: Object.fromEntries(events.map(({ kind, n }) => [kind, n])),
    asks: asks.map(({ ask }) => ask),
    acts: acts.map(({ act }) => act),
    wordsLeft: await Promise.all(forgotten.map((text) => rowsWith(db, text))),
  };
}

const UNHARMED = {
  kept: ["We ship on Friday."],
  events: { "memory.remembered": 4, "memory.questioned": 2, "memory.forgotten": 4 },
  asks: ["memory keep the new", "memory keep the old"],
  acts: ["memory.remember done", "memory.forget done", ...Array.from({ length: 4 }, () => "memory.remember done")],
  wordsLeft: [0, 0, 0, 0],
};

test("killed at every point, what is remembered stands once, what is forgotten is gone whole, and people are asked once", { timeout: 300_000 }, (t) =>
  killAtEveryPoint(t, {
    program: new URL("../../testing/memory-sweep-child.ts", import.meta.url),
    live: liveMemory,
    prepare: async ({ db }) => void (await makePrincipal(db, systemClock, { handle: "ana", roles: ["owner"] })),
    judge,
    unharmed: UNHARMED,
    chosen: (points) => oncePerWay(points, /^memory\.|^act\.tool\.performed$/),
    reaches: ["locked", "superseded", "inserted", "held", "ask_opened", "deleted", "scrubbed", "answer_read", "moved", "settled"].map(
      (point) => `memory.${point}`,
    ),
  }),
);
