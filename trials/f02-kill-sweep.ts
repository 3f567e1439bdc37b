import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { verifyReceipt } from "#src/evidence/verify-receipt.ts";
import { listKeys } from "#src/journal/store/keys.ts";
import { effects as sweepEffects } from "#src/testing/effect-ledger.ts";
import type { Case } from "./harness/case.ts";
import { readEffects } from "./harness/effects.ts";
import { POINTS_OF_AN_ACT, type Sweep, sweepCase, sweepJudged } from "./harness/kill-sweep.ts";
import { countOf, verifiedJournal } from "./harness/oracle.ts";

/** Between intent and outcome of a `once` act only a person knows; this one looks and gives up, which is a right end too. */
const chat: Sweep = {
  script: new URL("../src/testing/sweep-child.ts", import.meta.url),
  args: ({ database, folder }) => [database.url, join(folder, "chat")],
  prepare: ({ folder }) => mkdir(join(folder, "chat")),
  named: ["model", "tool"].flatMap((kind) => POINTS_OF_AN_ACT.map((point) => `act.${kind}.${point}`)),
  every: 6, // `npm test -- sweep` sweeps all of them
  async judge({ database: { db }, folder }) {
    const { rows: runs } = await sql<{ state: string }>`select state from runs`.execute(db);
    const { rows: acts } = await sql<{ name: string; state: string }>`select name, state from acts where kind <> 'model' order by turn, ordinal`.execute(db);
    const lines = await sweepEffects(join(folder, "chat", "effects"));
    const onceWasGivenUp = acts.some((act) => act.name === "effect.once" && act.state === "cancelled");
    const times = (kind: string): string =>
      lines
        .filter((line) => line.kind === kind)
        .map((line) => line.times)
        .join("+");
    return {
      runs: runs.map((run) => run.state),
      acts: acts.map((act) => `${act.name} ${act.name === "effect.once" && onceWasGivenUp ? "done" : act.state}`),
      effects: ["effect.idempotent", "effect.findable", "effect.careful"].map((kind) => `${kind} ${times(kind)}`),
      once: ["", "1"].includes(times("effect.once")) && (onceWasGivenUp || times("effect.once") === "1"),
      openReservations: await countOf(db, "select count(*) as n from ledger where state = 'reserved'"),
      journal: (await verifiedJournal(db)).isSound,
    };
  },
};

const desk: Sweep = {
  script: new URL("./desk-sweep-child.ts", import.meta.url),
  args: ({ database, folder, socketPath }) => [database.url, folder, socketPath],
  named: [
    ...["message", "tool"].flatMap((kind) => POINTS_OF_AN_ACT.map((point) => `act.${kind}.${point}`)),
    "act.check.performed",
    "intake.committed",
    "ask.committed",
    "finish.committed",
    "journal.sealed",
  ],
  every: 2,
  async judge({ database: { db }, folder }) {
    const { rows: tickets } = await sql<{ status: string; resolution: { checked: string } | null }>`select status, resolution from tickets`.execute(db);
    const { rows: runs } = await sql<{ state: string }>`select state from runs`.execute(db);
    const { rows: asks } = await sql<{ ask: string }>`select purpose || ' ' || state || ' ' || coalesce(answer, '') as ask from asks order by purpose`.execute(
      db,
    );
    const { rows: acts } = await sql<{
      act: string;
      key: string;
      kind: string;
    }>`select kind || ' ' || name || ' ' || state as act, key, kind from acts order by turn, ordinal`.execute(db);
    const { rows: receipts } = await sql<{ envelope: string }>`select envelope from receipts`.execute(db);
    const trustedKeys = (await listKeys(db)).map((key) => key.publicKey);
    const lines = readEffects(join(folder, "effects"));
    const keys = acts.filter((act) => act.kind === "message").map((act) => act.key);
    return {
      tickets: tickets.map((ticket) => `${ticket.status} ${ticket.resolution?.checked}`),
      runs: runs.map((run) => run.state),
      asks: asks.map((row) => row.ask),
      acts: acts.map((row) => row.act),
      posted: keys.map((key) => lines.filter((line) => line.key === key).length),
      strays: lines.filter((line) => !keys.includes(line.key)).length,
      receipts: receipts.map(({ envelope }) => verifyReceipt(envelope, { trustedKeys, expectWorkspace: "warm-stays" }).kind),
      decisions: await countOf(db, "select count(*) as n from ask_decisions"),
      deliveries: await countOf(db, "select count(*) as n from deliveries"),
      journal: (await verifiedJournal(db)).isSound,
    };
  },
};

export const killSweeps: readonly Case[] = [
  sweepCase("F02-chat", "kill -9 at every step boundary of a chat run: model, tools of every class, an ask", (world) => sweepJudged(world, chat)),
  sweepCase("F02-desk", "kill -9 at every step boundary of the desk: message, approval, dispatch, acknowledgement, check, receipt, seal", (world) =>
    sweepJudged(world, desk),
  ),
];
