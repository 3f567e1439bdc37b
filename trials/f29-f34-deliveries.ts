import { join } from "node:path";
import { type Case, judged } from "./harness/case.ts";
import { countOf } from "./harness/oracle.ts";
import { openServer, type Reply, type Server } from "./harness/server.ts";
import { inLanes } from "./harness/wait.ts";
import type { World } from "./harness/world.ts";
import { textOf } from "./harness/text.ts";

const TIMES = 5;

/** One after the other: what happens when both start at once on an empty database is F09. */
async function twoServers(world: World, databaseUrl: string): Promise<Server[]> {
  const open = (name: string): Promise<Server> => openServer(world, { name, home: join(world.folder, name), databaseUrl, env: { LOOP_ROLE: "api" } });
  return [await open("one"), await open("two")];
}

export const deliveries: Case = {
  id: "F29",
  title: "each message delivered five times at once, to two servers: one ticket, one run",
  short: true,
  limitMs: { short: 90_000, full: 180_000 },
  async run(world) {
    const database = await world.database();
    const { db } = database;
    const servers = await twoServers(world, database.url);
    const messages = Array.from({ length: world.short ? 40 : 400 }, (_, index) => index);
    const results = new Map<number, Reply[]>();
    let refused = 0;
    await inLanes(messages, 4, async (index) => {
      const body = { text: `the lift stands still, number ${index}`, externalId: `delivery-${index}` };
      const replies = await Promise.all(
        Array.from({ length: TIMES }, (_, copy) => servers[copy % 2]!.call("POST /v1/tickets", { body: { ...body, sender: "guest@example.org" } })),
      );
      refused += replies.filter((reply) => reply === undefined || reply.status >= 300).length;
      results.set(
        index,
        replies.filter((reply) => reply !== undefined),
      );
    });
    const different = [...results.values()].filter(
      (replies) => new Set(replies.map((reply) => `${textOf(reply.body["id"])} ${textOf(reply.body["runId"])}`)).size !== 1,
    ).length;
    const firsts = [...results.values()].filter((replies) => replies.filter((reply) => reply.body["duplicate"] === false).length !== 1).length;
    const [tickets, runs] = [await countOf(db, "select count(*) as n from tickets"), await countOf(db, "select count(*) as n from runs")];
    return judged({
      reached: results.size * TIMES,
      wanted: messages.length * TIMES,
      figure: `${messages.length * TIMES} deliveries of ${messages.length} messages, ${tickets} tickets, ${runs} runs, ${refused} refused, ${different} with more than one answer`,
      conditions: {
        "one ticket each": tickets === messages.length && runs === messages.length,
        "the same answer to all": different === 0,
        "one of them is the first": firsts === 0,
        "none refused": refused === 0,
      },
    });
  },
};

export const otherBody: Case = {
  id: "F34",
  title: "the same id with another body, also at the same moment: one is taken, the other is refused, flagged and counted",
  short: true,
  limitMs: { short: 60_000, full: 90_000 },
  async run(world) {
    const database = await world.database();
    const { db } = database;
    const servers = await twoServers(world, database.url);
    const ids = Array.from({ length: world.short ? 20 : 200 }, (_, index) => index);
    let conflicts = 0;
    let wrong = 0;
    await inLanes(ids, 4, async (index) => {
      const send = (server: number, text: string): Promise<Reply | undefined> =>
        servers[server]!.call("POST /v1/tickets", { body: { text, externalId: `id-${index}` } });
      const atOnce = await Promise.all([send(0, `first text ${index}`), send(1, `second text ${index}`)]);
      const later = await send(0, `third text ${index}`);
      const taken = atOnce.filter((reply) => reply?.status === 202);
      const refused = [...atOnce, later].filter((reply) => reply?.status === 409 && reply.body["code"] === "delivery_conflict");
      conflicts += refused.length;
      if (taken.length !== 1 || refused.length !== 2) wrong += 1;
    });
    const tickets = await countOf(db, "select count(*) as n from tickets");
    const flagged = await countOf(db, "select count(*) as n from events where kind = 'delivery.refused'");
    const counted = await countOf(db, "select coalesce(sum(refused_count), 0)::bigint as n from deliveries");
    return judged({
      reached: conflicts,
      wanted: 2 * ids.length,
      figure: `${3 * ids.length} deliveries under ${ids.length} ids, ${tickets} tickets, ${conflicts} refused, ${flagged} in the journal, ${counted} counted`,
      conditions: { "one taken each": tickets === ids.length && wrong === 0, flagged: flagged === conflicts && counted === conflicts },
    });
  },
};
