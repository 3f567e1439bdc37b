import { generateKeyPairSync } from "node:crypto";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { sealOnce } from "#src/journal/seal.ts";
import { signerOf } from "#src/journal/signing.ts";
import { registerKey } from "#src/journal/store/keys.ts";
import { verifyJournal } from "#src/journal/verify.ts";
import { readEffects } from "./effects.ts";
import { staleWrites } from "./stale-writes.ts";

/** What became of the runs. */
export async function ended(db: Db): Promise<{ open: number; done: number; other: number }> {
  const { rows } = await sql<{ open: number; done: number; other: number }>`
    select count(*) filter (where ended_at is null) as open, count(*) filter (where state = 'done') as done,
           count(*) filter (where ended_at is not null and state <> 'done') as other from runs`.execute(db);
  return rows[0]!;
}

/** What the effects outside and the record say, held against each other. */
export interface Account {
  readonly runs: number;
  readonly done: number;
  readonly acts: number;
  /** Acts on record as done of which nothing is known outside, and planned steps that never became acts. */
  readonly lost: number;
  /** Effects beyond the first of a findable or once act, and effects under a key that is not on record. */
  readonly doubled: number;
  /** Calls of an idempotent receiver beyond the first of each key: allowed, and shown. */
  readonly repeated: number;
  readonly stale: number;
  /** Turns with more or fewer thoughts than one, and acts with more or fewer recorded ends than one. */
  readonly torn: number;
  readonly openReservations: number;
  readonly journal: string;
  readonly isSound: boolean;
}

/** `steps`: how many tool acts the scripts of all runs ask for. Seals what is left and verifies the journal. */
export async function account(db: Db, effects: string, steps: number): Promise<Account> {
  const { rows: acts } = await sql<{ key: string; effect: string; state: string }>`
    select key, effect, state from acts where kind in ('tool', 'message') and effect <> 'read'`.execute(db);
  const lines = Map.groupBy(readEffects(effects), (line) => line.key);
  const times = (key: string): number => lines.get(key)?.length ?? 0;
  const known = new Set(acts.map((act) => act.key));
  const done = acts.filter((act) => act.state === "done");
  const vanished = done.filter((act) => times(act.key) === 0).length;
  const lost = vanished + Math.max(0, steps - done.length);
  const strays = [...lines.keys()].filter((key) => !known.has(key)).length;
  const beyond = acts.filter((act) => act.effect !== "idempotent").reduce((sum, act) => sum + Math.max(0, times(act.key) - 1), 0);
  const repeated = acts.filter((act) => act.effect === "idempotent").reduce((sum, act) => sum + Math.max(0, times(act.key) - 1), 0);
  const { done: runsDone, open, other } = await ended(db);
  const journal = await verifiedJournal(db);
  const torn = await tornRecords(db);
  const openReservations = await countOf(db, "select count(*) as n from ledger where state = 'reserved'");
  const stale = (await staleWrites(db)).length;
  const doubled = beyond + strays;
  const isSound = lost + doubled + stale + torn + openReservations + open + other === 0 && journal.isSound;
  return {
    runs: runsDone + open + other,
    done: runsDone,
    acts: done.length,
    lost,
    doubled,
    repeated,
    stale,
    torn,
    openReservations,
    journal: journal.said,
    isSound,
  };
}

export async function countOf(db: Db, text: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`${sql.raw(text)}`.execute(db);
  return rows[0]!.n;
}

async function tornRecords(db: Db): Promise<number> {
  const thoughts = await countOf(
    db,
    "select count(*) as n from (select run_id from messages where role = 'thought' group by run_id having count(*) <> (select turns from runs where id = run_id)) x",
  );
  const ends = await countOf(
    db,
    `select count(*) as n from (
       select a.id from acts a
       left join (select p.body::jsonb ->> 'act' as act from events e join payloads p on p.event_id = e.id where e.kind = 'act.done') said on said.act = a.id
       where a.state = 'done' group by a.id having count(said.act) <> 1) x`,
  );
  return thoughts + ends;
}

/** Seals what is left, by a key of the trial's own, and recomputes the whole chain. */
export async function verifiedJournal(db: Db): Promise<{ isSound: boolean; said: string; events: number }> {
  const signer = signerOf(generateKeyPairSync("ed25519").privateKey);
  await registerKey(db, { ...signer, host: "trial" });
  for (let tries = 0; tries < 200; tries += 1) {
    const { sealed, busy } = await sealOnce(db, signer);
    if (!busy && sealed === 0) break;
    if (busy) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const verified = await verifyJournal(db);
  if (verified.kind === "verified") return { isSound: verified.unsealed === 0, said: `journal ${verified.events} events verified`, events: verified.events };
  return { isSound: false, said: `journal broken at ${verified.position}: ${verified.what}`, events: 0 };
}

export const told = (seen: Account): string =>
  [
    `lost ${seen.lost}, doubled ${seen.doubled}, runs ${seen.done}/${seen.runs} done, ${seen.acts} effects`,
    `repeated calls ${seen.repeated}, stale writes ${seen.stale}, torn ${seen.torn}`,
    ...(seen.openReservations > 0 ? [`reservations left open ${seen.openReservations}`] : []),
    seen.journal,
  ].join(", ");

/** How many tool acts scripts ask for. */
export const stepsIn = (scripts: readonly string[]): number => scripts.reduce((sum, script) => sum + script.split(/[ +]/).length, 0);
