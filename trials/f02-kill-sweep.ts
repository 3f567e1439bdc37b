import { readFile } from "node:fs/promises";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { verifyReceipt } from "#src/evidence/verify-receipt.ts";
import { listKeys } from "#src/journal/store/keys.ts";
import { effects as sweepEffects } from "#src/testing/effect-ledger.ts";
import { type Case, judged } from "./harness/case.ts";
import type { TrialDatabase } from "./harness/cluster.ts";
import { openOutside, readEffects } from "./harness/effects.ts";
import { countOf, verifiedJournal } from "./harness/oracle.ts";
import { inLanes } from "./harness/wait.ts";
import type { World } from "./harness/world.ts";

const LANES = 3;

/** A database, a folder and a world outside for one life of the work. */
interface Place {
  readonly database: TrialDatabase;
  readonly folder: string;
  readonly socketPath: string;
  close(): Promise<void>;
}

interface Sweep {
  readonly script: URL;
  args(place: Place): readonly string[];
  /** What there is after the work came to its end, in a form that can be compared with the unharmed one. */
  judge(place: Place): Promise<Readonly<Record<string, unknown>>>;
  /** Points every sweep must reach. */
  readonly named: readonly string[];
  /** In short mode each name once, and of those without a place in `named` every so many. */
  readonly every: number;
}

async function openPlace(world: World, name: string): Promise<Place> {
  const database = await (await world.cluster()).database({ poolSize: 2 });
  const folder = join(world.folder, name);
  await mkdir(join(folder, "logs"), { recursive: true });
  const outside = await openOutside(join(folder, "effects"), join(folder, "o.sock"));
  const close = async (): Promise<void> => {
    await outside.close();
    await database.close();
  };
  return { database, folder, socketPath: outside.socketPath, close };
}

async function live(world: World, sweep: Sweep, { place, env }: { place: Place; env: Record<string, string> }): Promise<string> {
  const child = world.start({ name: "sweep", script: sweep.script, args: sweep.args(place), env });
  const { code, signal } = await child.exited;
  return signal ?? (code === 0 ? "0" : `${code}: ${child.errors().slice(-1_500)}`);
}

interface Swept {
  readonly points: number;
  readonly killed: number;
  readonly names: ReadonlySet<string>;
  readonly unnamed: readonly string[];
  readonly wrong: readonly string[];
}

/** Counts the points of an unharmed life, then lives once per point with a `kill -9` there, and compares what there is at the end. */
async function killAtEveryPoint(world: World, sweep: Sweep): Promise<Swept> {
  const unharmed = await openPlace(world, "unharmed");
  const trace = join(unharmed.folder, "points");
  const ended = await live(world, sweep, { place: unharmed, env: { LOOP_FAILPOINT_TRACE: trace } });
  if (ended !== "0") throw new Error(`the unharmed life ended with ${ended}`);
  const expected = JSON.stringify(await sweep.judge(unharmed));
  await unharmed.close();
  const points = (await readFile(trace, "utf8")).trim().split("\n");
  const numbered = points.map((name, index) => ({ name, number: index + 1 }));
  const firsts = numbered.filter(({ name, number }) => points.indexOf(name) === number - 1);
  const chosen = world.short ? firsts.filter(({ name }, index) => sweep.named.includes(name) || index % sweep.every === 0) : numbered;
  const wrong: string[] = [];
  const killedAt = new Set<string>();
  let killed = 0;
  await inLanes(chosen, LANES, async ({ name, number }) => {
    const place = await openPlace(world, `at-${number}`);
    const first = await live(world, sweep, { place, env: { LOOP_FAILPOINT_KILL_AT: String(number) } });
    if (first === "SIGKILL") {
      killed += 1;
      killedAt.add(name);
    }
    const again = await live(world, sweep, { place, env: {} });
    const seen = JSON.stringify(await sweep.judge(place));
    if (again !== "0" || seen !== expected) wrong.push(`at ${number} ${name}: ended ${first}, then ${again}: ${seen}; unharmed: ${expected}`);
    await place.close();
  });
  return { points: chosen.length, killed, names: killedAt, unnamed: sweep.named.filter((name) => !killedAt.has(name)), wrong };
}

const POINTS_OF_AN_ACT = ["started", "performed", "ended"];

/** Between intent and outcome of a `once` act only a person knows; this one looks and gives up, which is a right end too. */
const chat: Sweep = {
  script: new URL("../src/testing/sweep-child.ts", import.meta.url),
  args: ({ database, folder }) => [database.url, join(folder, "chat-effects"), join(folder, "outbox")],
  named: ["model", "tool"].flatMap((kind) => POINTS_OF_AN_ACT.map((point) => `act.${kind}.${point}`)),
  every: 6, // `npm test` sweeps all of them
  async judge({ database: { db }, folder }) {
    const { rows: runs } = await sql<{ state: string }>`select state from runs`.execute(db);
    const { rows: acts } = await sql<{ name: string; state: string }>`select name, state from acts where kind <> 'model' order by turn, ordinal`.execute(db);
    const lines = await sweepEffects(join(folder, "chat-effects"));
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

function sweepCase(id: string, title: string, sweep: Sweep): Case {
  return {
    id,
    title,
    short: true,
    limitMs: { short: 240_000, full: 900_000 },
    async run(world) {
      const { points, killed, names, unnamed, wrong } = await killAtEveryPoint(world, sweep);
      return judged({
        reached: killed - unnamed.length,
        wanted: points,
        figure: `killed at ${killed} of ${points} points (${names.size} names)${unnamed.length > 0 ? `, never at ${unnamed.join(", ")}` : ""}, ${wrong.length} ended otherwise than unharmed${wrong.length > 0 ? `: ${wrong.slice(0, 3).join(" | ")}` : ""}`,
        conditions: { "the same end each time": wrong.length === 0 },
      });
    },
  };
}

export const killSweeps: readonly Case[] = [
  sweepCase("F02-chat", "kill -9 at every step boundary of a chat run: model, tools of every class, an ask", chat),
  sweepCase("F02-desk", "kill -9 at every step boundary of the desk: message, approval, dispatch, acknowledgement, check, receipt, seal", desk),
];
