import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { type RawBuilder, sql } from "kysely";
import { actsOfRun } from "#src/acts/store/read.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import { verifyReceipt } from "#src/evidence/verify-receipt.ts";
import { listKeys } from "#src/journal/store/keys.ts";
import { verifyJournal } from "#src/journal/verify.ts";
import { canonicalJson, type Json } from "#src/kernel/canonical-json.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { readState } from "#src/runs/store/state.ts";
import { createSealedStore } from "#src/secrets/sealed-store.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { revisionFiles } from "#src/workspace/revisions.ts";
import { type Case, judged } from "./harness/case.ts";
import { openOutside } from "./harness/effects.ts";
import { verifiedJournal } from "./harness/oracle.ts";
import { withHomes } from "./harness/homes.ts";
import type { World } from "./harness/world.ts";

/** Texts of JSON that other systems bring to life when they are read. */
const rowsAsData = (folder: string): readonly string[] => [
  `{"lc":1,"type":"constructor","id":["child_process","exec"],"kwargs":{"command":"touch ${folder}/lc"}}`,
  `{"__type__":"Function","value":"require('fs').writeFileSync('${folder}/type','')"}`,
  `{"$type":"System.Diagnostics.Process","rce":"_$$ND_FUNC$$_function(){require('fs').writeFileSync('${folder}/func','')}()"}`,
  `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}`,
  `{"toString":"x","valueOf":{"a":1},"hasOwnProperty":0,"then":{"b":2},"toJSON":"y"}`,
  `{"at":"2026-13-45T99:99:99Z","$date":1e308,"date":{"$date":"never"}}`,
  `{"n":${"9".repeat(400)},"small":-1e-400,"deep":${"[".repeat(200)}${"]".repeat(200)}}`,
];

interface Worked {
  readonly db: Db;
  readonly runId: RunId;
  readonly ticketId: string;
  readonly sprung: string;
}

/** A record with everything in it: the desk resolves the sample message. */
async function worked(world: World): Promise<Worked> {
  const database = await world.database();
  const [folder, sprung] = [join(world.folder, "desk"), join(world.folder, "sprung")];
  await mkdir(join(folder, "logs"), { recursive: true });
  await mkdir(sprung);
  const outside = await openOutside(join(folder, "effects"), join(folder, "o.sock"));
  world.after(outside.close);
  const child = world.start({ name: "desk", script: new URL("./desk-sweep-child.ts", import.meta.url), args: [database.url, folder, outside.socketPath] });
  const { code } = await child.exited;
  if (code !== 0) throw new Error(`the desk ended with ${code}: ${child.errors()}`);
  const { rows } = await sql<{ id: RunId; ticket_id: string }>`select id, ticket_id from runs limit 1`.execute(database.db);
  return { db: database.db, runId: rows[0]!.id, ticketId: rows[0]!.ticket_id, sprung };
}

class Undone extends Error {}

/** Makes a change, looks, and takes it back. */
async function edited<T>(db: Db, change: RawBuilder<unknown>, look: (tx: Db) => Promise<T>): Promise<{ touched: number; seen: T }> {
  let result: { touched: number; seen: T } | undefined;
  await inTransaction(db, async (tx) => {
    const { numAffectedRows } = await change.execute(tx);
    result = { touched: Number(numAffectedRows ?? 0), seen: await look(tx as unknown as Db) };
    throw new Undone();
  }).catch((error: unknown) => {
    if (!(error instanceof Undone)) throw error;
  });
  return result!;
}

/** Every place where a row holds what a model, a tool or a stranger said. */
const PLACES = [
  (text: string) => sql`update acts set result = ${text}::jsonb, args = args || ${text}::jsonb`,
  (text: string) => sql`update messages set content = content || ${text}::jsonb`,
  (text: string) => sql`update runs set brief = brief || ${text}::jsonb, labels = labels || '{}'::jsonb`,
  (text: string) => sql`update brain_items set data = data || ${text}::jsonb`,
  (text: string) => sql`update asks set detail = detail || ${text}::jsonb`,
  (text: string) => sql`update tickets set body = ${text}, title = left(${text}, 200)`,
];

export const rowsInert: Case = {
  id: "H-32-data",
  title:
    "rows that hold `lc`, `__type__`, `__proto__`, functions, dates, giant numbers and deep lists are data: read as they are, nothing comes to life, no prototype changes; lone surrogates are refused or replaced, by every route that takes text",
  short: true,
  limitMs: { short: 60_000, full: 60_000 },
  async run(world) {
    const { db, runId, ticketId, sprung } = await worked(world);
    const wrong: string[] = [];
    let met = 0;
    for (const text of rowsAsData(sprung)) {
      for (const [index, change] of PLACES.entries()) {
        const { touched } = await edited(db, change(text), async (tx) => {
          const read = [await readState(tx, runId), await actsOfRun(tx, runId), await requireTicket(tx, ticketId)];
          canonicalJson(JSON.parse(JSON.stringify(read)) as Json);
        }).catch((error: unknown) => {
          wrong.push(`place ${index}: ${String(error).slice(0, 120)}`);
          return { touched: 0 };
        });
        if (touched > 0) met += 1;
      }
    }
    const isPolluted = Object.hasOwn(Object.prototype, "polluted") || ({} as { polluted?: unknown }).polluted !== undefined;
    const { statuses, lives } = await withHomes(world, async ({ a }) => {
      const answers = [];
      for (const text of ['"\\ud800 alone"', '"\\udfff\\ud800"', '"a\\u0000b"'])
        for (const [line, body] of [
          ["POST /v1/tickets", `{"text":${text},"sender":"x@y.example","labels":{"property":"warm_lisboa_alfama"}}`],
          [`POST /v1/threads/${a.ids.thread}/messages`, `{"text":${text}}`],
        ] as const) {
          const [method, path] = line.split(" ") as [string, string];
          const headers = { authorization: `Bearer ${a.server.token}`, "content-type": "application/json" };
          answers.push((await fetch(`${a.server.url}${path}`, { method, headers, body })).status);
        }
      return { statuses: answers, lives: (await a.server.call("GET /v1/health"))?.status === 200 };
    });
    return judged({
      reached: met,
      wanted: rowsAsData("").length * PLACES.length,
      figure: `${met} rows with hostile data read; surrogates and NUL: ${[...new Set(statuses)].join(", ")}${wrong.length > 0 ? `; ${wrong.slice(0, 3).join(" | ")}` : ""}`,
      conditions: {
        "each is read as data": wrong.length === 0,
        "nothing comes to life": (await readdir(sprung)).length === 0,
        "no prototype changes": !isPolluted,
        "broken letters are taken or refused, and never break anything": statuses.every((status) => status < 500) && lives,
      },
    });
  },
};

/** Edits by hand in the rows that a chain, a signature, a digest or a seal covers; each must be noticed by whoever checks. */
async function tampering(db: Db, folder: string) {
  const trustedKeys = (await listKeys(db)).map((key) => key.publicKey);
  const { rows } = await sql<{ envelope: string }>`select envelope from receipts limit 1`.execute(db);
  const vault = createSealedStore({ db, workspaceId: "trial", keyFile: join(folder, "sealing.key") });
  await vault.set("first", "the-first-value-of-the-trial");
  await vault.set("second", "the-second-value-of-the-trial");
  const journal = async (tx: Db): Promise<boolean> => (await verifyJournal(tx)).kind === "verified";
  const receipt = async (tx: Db): Promise<boolean> =>
    verifyReceipt((await sql<{ envelope: string }>`select envelope from receipts limit 1`.execute(tx)).rows[0]!.envelope, { trustedKeys }).kind === "verified";
  const files = (tx: Db): Promise<boolean> =>
    revisionFiles(tx, 1).then(
      () => true,
      () => false,
    );
  const secret = (tx: Db): Promise<boolean> =>
    createSealedStore({ db: tx, workspaceId: "trial", keyFile: join(folder, "sealing.key") })
      .read("first")
      .then(
        (value) => value === "the-first-value-of-the-trial",
        () => false,
      );
  const at = sql`position = (select max(position) / 2 from events)`;
  return {
    envelope: rows[0]!.envelope,
    checks: { journal, receipt, files, secret },
    edits: [
      ["an event's kind", sql`update events set kind = 'ticket.resolved' where ${at}`, journal],
      ["an event's actor", sql`update events set actor = 'prn_else' where ${at}`, journal],
      ["an event's time", sql`update events set at = at + interval '1 second' where ${at}`, journal],
      ["an event's head", sql`update events set head = replace(head, '"actor"', '"actOr"') where ${at}`, journal],
      ["an event taken away", sql`delete from events where ${at}`, journal],
      ["what an event says", sql`update payloads set body = replace(body, '{', '{"more":1,') where event_id = (select id from events where ${at})`, journal],
      ["a seal", sql`update journal_seals set signature = set_byte(signature, 0, 255 - get_byte(signature, 0))`, journal],
      ["a receipt", sql`update receipts set envelope = replace(envelope, '"payload":"e', '"payload":"f')`, receipt],
      ["a file of the workspace", sql`update blobs set content = content || '\\x20'::bytea`, files],
      ["which files a revision has", sql`update revisions set files = files - (select min(key) from jsonb_object_keys(files) as key)`, files],
      ["a sealed secret", sql`update secrets set ciphertext = set_byte(ciphertext, 3, 255 - get_byte(ciphertext, 3)) where name = 'first'`, secret],
      [
        "a sealed secret in the place of another",
        sql`update secrets a set ciphertext = b.ciphertext, nonce = b.nonce, key_id = b.key_id from secrets b where a.name = 'first' and b.name = 'second'`,
        secret,
      ],
    ] as const,
  };
}

export const rowsCovered: Case = {
  id: "H-32-edits",
  title:
    "a row edited by hand is noticed where it is covered: events and their payloads (chain and seals), receipts (signature), revisions and their files (digests), sealed secrets. Runs, acts, asks, tickets, transcripts, the ledger, people and memories have no such cover: whoever may write to the database may change them",
  short: true,
  limitMs: { short: 60_000, full: 60_000 },
  async run(world) {
    const { db } = await worked(world);
    const before = await verifiedJournal(db);
    const { checks, edits } = await tampering(db, world.folder);
    const isSound = async (on: Db): Promise<boolean> => {
      for (const check of Object.values(checks)) if (!(await check(on))) return false;
      return true;
    };
    const uncovered = await edited(db, sql`update tickets set title = title || ' edited'`, isSound);
    const unseen: string[] = [];
    let met = 0;
    for (const [name, change, check] of edits) {
      const { touched, seen } = await edited(db, change, check);
      if (touched > 0) met += 1;
      if (seen) unseen.push(name);
    }
    return judged({
      reached: met,
      wanted: edits.length,
      figure: `${met} edits of covered rows${unseen.length > 0 ? `; not noticed: ${unseen.join(", ")}` : ", all noticed"}`,
      conditions: {
        "unedited, and after an edit of an uncovered row, all is sound": before.isSound && (await isSound(db)) && uncovered.touched > 0 && uncovered.seen,
        "each edit is noticed": unseen.length === 0,
        "taken back, all is sound again": await isSound(db),
      },
    });
  },
};
