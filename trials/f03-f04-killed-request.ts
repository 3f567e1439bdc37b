import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { type Case, judged } from "./harness/case.ts";
import type { TrialDatabase } from "./harness/cluster.ts";
import { countOf } from "./harness/oracle.ts";
import { openServer, type Reply, type Server, serverAt } from "./harness/server.ts";
import { until } from "./harness/wait.ts";
import type { World } from "./harness/world.ts";
import { textOf } from "./harness/text.ts";

/*
 * A server takes one request under a key and is killed at a named point on the way; a server that was not killed takes the same request again. Both serve one
 * database. The first life of each kind of request tells which points there are.
 */

interface Kind {
  readonly name: string;
  /** Makes what the request is about, and gives the request; called once for each try. */
  prepare(place: Place, index: number): Promise<Request>;
  /** Points on the way that belong to it. */
  readonly points: RegExp;
  /** What the first and the second answer have in common. */
  essence(reply: Reply): unknown;
}

interface Request {
  readonly line: string;
  readonly body: object;
  readonly key?: string;
  /** How often the effect is on record; one is right. */
  readonly times: () => Promise<number>;
}

interface Place {
  readonly world: World;
  readonly database: TrialDatabase;
  /** Never killed. */
  readonly steady: Server;
}

const ticketsNamed = (database: TrialDatabase, text: string) => (): Promise<number> =>
  countOf(
    database.db,
    `select (select count(*) from tickets where body = '${text}') + (select count(*) from runs r join tickets t on t.id = r.ticket_id where t.body = '${text}') - 1 as n`,
  );

const KINDS: readonly Kind[] = [
  {
    name: "a message under an Idempotency-Key",
    points: /^intake\./,
    prepare: ({ database }, index) =>
      Promise.resolve({
        line: "POST /v1/tickets",
        body: { text: `keyed message ${index}` },
        key: `key-${index}`,
        times: ticketsNamed(database, `keyed message ${index}`),
      }),
    essence: ({ status, body }) => ({ status, id: body["id"], runId: body["runId"] }),
  },
  {
    name: "a message under an external id",
    points: /^intake\./,
    prepare: ({ database }, index) =>
      Promise.resolve({
        line: "POST /v1/tickets",
        body: { text: `external message ${index}`, externalId: `x-${index}` },
        times: ticketsNamed(database, `external message ${index}`),
      }),
    essence: ({ status, body }) => ({ status, id: body["id"], runId: body["runId"] }),
  },
  {
    name: "an answer under an Idempotency-Key",
    points: /^ask\./,
    async prepare({ database: { db }, steady }, index) {
      const askId = `ask_${index.toString(16).padStart(32, "0")}`;
      await sql`
        insert into asks (id, kind, state, purpose, prompt, detail, options, approvers, quorum, escalation, revision)
        values (${askId}, 'approval', 'open', 'act', 'May it?', '{}', '{approve,deny}', '{"roles":["owner"],"names":[]}', 1, '[]', 1)`.execute(db);
      const times = (): Promise<number> => countOf(db, `select count(*) as n from ask_decisions where ask_id = '${askId}'`);
      if ((await steady.call(`GET /v1/asks/${askId}`))?.status !== 200) throw new Error("the ask of the trial cannot be read");
      return { line: `POST /v1/asks/${askId}/answer`, body: { answer: "approve" }, key: `answer-${index}`, times };
    },
    essence: ({ status, body }) => ({ status, ask: (body["ask"] as { id?: string } | undefined)?.id ?? body["id"] ?? null }),
  },
];

/** Starts a server that counts or dies; its home is its own, its database that of the steady one. */
async function frail(place: Place, name: string, env: Record<string, string>): Promise<Server | undefined> {
  const { world, database, steady } = place;
  const server = await openServer(world, { name, home: join(world.folder, name), databaseUrl: database.url, env: { LOOP_ROLE: "api", ...env } }).catch(
    () => undefined,
  );
  return server && serverAt(server.child, server.url, steady.token);
}

/** The points that belong to one kind of request, as they come in a server that does nothing else. */
async function pointsOf(place: Place, kind: Kind): Promise<string[]> {
  const trace = join(place.world.folder, `trace-${kind.name.replaceAll(" ", "-")}`);
  const server = await frail(place, `count-${KINDS.indexOf(kind)}`, { LOOP_FAILPOINT_TRACE: trace });
  const { line, body, key } = await kind.prepare(place, 9_000 + KINDS.indexOf(kind));
  await server!.call(line, { body, ...(key === undefined ? {} : { key }) });
  await server!.child.kill();
  const names = (await readFile(trace, "utf8")).trim().split("\n");
  return [...new Set(names)].filter((name) => kind.points.test(name));
}

interface Tried {
  readonly point: string;
  readonly trouble: string | undefined;
}

async function tryAt(place: Place, kind: Kind, { name, index }: { name: string; index: number }): Promise<Tried> {
  const trace = join(place.world.folder, `died-${index}`);
  const server = await frail(place, `frail-${index}`, { LOOP_FAILPOINT_KILL_AT: name, LOOP_FAILPOINT_TRACE: trace });
  const { line, body, key, times } = await kind.prepare(place, index);
  const more = { body, ...(key === undefined ? {} : { key }) };
  const first = await server?.call(line, more);
  await until(() => server?.child.hasExited() ?? true, { limitMs: 2_000 });
  await server?.child.kill();
  const point = (await readFile(trace, "utf8")).trim().split("\n").at(-1)!;
  const second = await place.steady.call(line, more);
  const third = await place.steady.call(line, more);
  const [seen, again] = [second && kind.essence(second), third && kind.essence(third)];
  const count = await times();
  const isOne =
    count === 1 &&
    second !== undefined &&
    second.status < 300 &&
    JSON.stringify(seen) === JSON.stringify(again) &&
    (first === undefined || JSON.stringify(kind.essence(first)) === JSON.stringify(seen));
  return {
    point,
    trouble: isOne
      ? undefined
      : `${kind.name}, killed at ${point}: ${count} on record, answers ${JSON.stringify([first, second, third].map((reply) => reply && { status: reply.status, ...reply.body }))}`,
  };
}

async function openSteady(world: World): Promise<Place> {
  const database = await world.database();
  const steady = await openServer(world, { name: "steady", home: join(world.folder, "steady"), databaseUrl: database.url, env: { LOOP_ROLE: "api" } });
  return { world, database, steady };
}

export const killedRequest: Case = {
  id: "F03-F04",
  title:
    "kill -9 of the server at each point of a request, the one between commit and reply among them: the retry finds exactly one effect, and gets its result",
  short: true,
  limitMs: { short: 180_000, full: 300_000 },
  async run(world) {
    const place = await openSteady(world);
    const tried: Tried[] = [];
    const wanted = new Set<string>();
    let index = 0;
    for (const kind of KINDS) {
      const points = await pointsOf(place, kind);
      const isCommit = (name: string): boolean => name.endsWith(".committed");
      const chosen = world.short ? points.filter((name, at) => isCommit(name) || at % 3 === 1) : points;
      chosen.forEach((name) => wanted.add(`${kind.name} ${name}`));
      for (const name of chosen) {
        const one = await tryAt(place, kind, { name, index: (index += 1) });
        tried.push({ ...one, point: `${kind.name} ${one.point}` });
      }
    }
    const reachedPoints = new Set(tried.map((one) => one.point));
    const reached = [...wanted].filter((point) => reachedPoints.has(point)).length;
    const troubles = tried.flatMap((one) => one.trouble ?? []);
    const afterCommit = [...reachedPoints].filter((point) => point.endsWith(".committed")).length;
    return judged({
      reached,
      wanted: wanted.size,
      figure: `killed ${tried.length} times at ${reached} points, ${afterCommit} of them between commit and reply, ${troubles.length} with another count than one${troubles.length > 0 ? `: ${troubles.slice(0, 2).join(" | ")}` : ""}`,
      conditions: { "one effect and one result each": troubles.length === 0, "killed after each commit": afterCommit === KINDS.length },
    });
  },
};

/** As above, at any time instead of at named points, with the same server started again on its home. */
export const killedAnyTime: Case = {
  id: "F03-any",
  title: "kill -9 of a server at any time while messages come in; the clients try again under the same keys: exactly one ticket and one run each",
  short: true,
  limitMs: { short: 120_000, full: 300_000 },
  async run(world) {
    const database = await world.database();
    const { db } = database;
    const home = join(world.folder, "home");
    const open = (life: number): Promise<Server> => openServer(world, { name: `life-${life}`, home, databaseUrl: database.url });
    let server = await open(0);
    const lives = world.short ? 4 : 15;
    const perClient = world.short ? 30 : 120;
    const replies = new Map<string, Set<string>>();
    let brokenCalls = 0;
    const client = async (name: number): Promise<void> => {
      for (let index = 0; index < perClient; index += 1) {
        const key = `k-${name}-${index}`;
        for (;;) {
          const reply = await server.call("POST /v1/tickets", { body: { text: `message ${key}` }, key, timeoutMs: 10_000 });
          if (reply?.status === 202 || reply?.status === 200) {
            replies.set(key, (replies.get(key) ?? new Set()).add(textOf(reply.body["id"])));
            if (index % 5 !== 0 || replies.get(key)!.size > 1) break;
            const twice = await server.call("POST /v1/tickets", { body: { text: `message ${key}` }, key, timeoutMs: 10_000 });
            if (twice) replies.get(key)!.add(textOf(twice.body["id"]));
            break;
          }
          brokenCalls += 1;
          await sleep(100);
        }
      }
    };
    const clients = Promise.all(Array.from({ length: 6 }, (_, name) => client(name)));
    let kills = 0;
    for (let life = 1; life <= lives; life += 1) {
      await sleep(300 + Math.random() * 500);
      await server.child.kill();
      kills += 1;
      server = await open(life);
    }
    await clients;
    const keys = 6 * perClient;
    const tickets = await countOf(db, "select count(*) as n from tickets");
    const runs = await countOf(db, "select count(*) as n from runs");
    const torn = [...replies.values()].filter((ids) => ids.size !== 1 || ids.has("undefined")).length;
    return judged({
      reached: Math.min(kills, brokenCalls),
      wanted: Math.min(3, lives),
      figure: `${keys} messages, ${kills} kills, ${brokenCalls} calls broken or refused and tried again, ${tickets} tickets, ${runs} runs, ${torn} keys with more than one result`,
      conditions: { "one ticket a key": tickets === keys && replies.size === keys, "one run a ticket": runs === keys, "one result a key": torn === 0 },
    });
  },
};
