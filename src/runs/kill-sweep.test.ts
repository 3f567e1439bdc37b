import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { effects } from "#src/testing/effect-ledger.ts";
import { killAtEveryPoint, type SweepPlace } from "#src/testing/kill-sweep.ts";
import { liveChat } from "#src/testing/sweep-child.ts";
import type { SweepPoint } from "#src/testing/sweep-life.ts";

async function judge({ db, folder }: SweepPlace, killedAt?: SweepPoint) {
  const { rows: runs } = await sql<{ state: string }>`select state from runs`.execute(db);
  const { rows: acts } = await sql<{ name: string; state: string }>`select name, state from acts where kind <> 'model' order by turn, ordinal`.execute(db);
  const lines = await effects(join(folder, "effects"));
  // Between the intent and the outcome of a `once` act only a person knows: the person of this sweep looks, and gives up.
  const isGivenUp = acts.some(({ name, state }) => name === "effect.once" && state === "cancelled");
  if (isGivenUp) {
    assert.match(killedAt!.name, /^act\.tool\.(started|performed)$|^reconcile|^recover/);
    assert.ok(lines.filter(({ kind }) => kind === "effect.once").every(({ times }) => times === 1));
  }
  const others = lines.filter(({ kind }) => kind !== "effect.once").map(({ kind, times }) => `${kind} ${times}`);
  const once = lines.filter(({ kind }) => kind === "effect.once").map(({ kind, times }) => `${kind} ${times}`);
  return {
    state: runs.map((run) => run.state).join(),
    acts: acts.map(({ name, state }) => `${name} ${isGivenUp && name === "effect.once" ? "done" : state}`),
    lines: [...others, ...(isGivenUp ? ["effect.once 1"] : once)].toSorted(),
  };
}

const UNHARMED = {
  state: "done",
  acts: ["effect.idempotent done", "effect.findable done", "effect.once done", "effect.careful done"],
  lines: ["effect.careful 1", "effect.findable 1", "effect.idempotent 1", "effect.once 1"],
};

test("killed at every named point in turn, a run finishes, and every effect happens once", { timeout: 400_000 }, (t) =>
  killAtEveryPoint(t, {
    program: new URL("../testing/sweep-child.ts", import.meta.url),
    live: liveChat,
    judge,
    unharmed: UNHARMED,
    reaches: ["model", "tool"].flatMap((kind) => ["started", "performed", "ended"].map((point) => `act.${kind}.${point}`)),
  }),
);
