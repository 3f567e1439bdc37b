import { sql } from "kysely";
import type { TestContext } from "node:test";
import type { ToolPort, ToolUse } from "#src/acts/ports/tool-port.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { newId, type PrincipalId, type RunId, type ThreadId, type TicketId } from "#src/kernel/ids.ts";
import { makePrincipal } from "#src/people/people-fixture.ts";
import type { Trust } from "#src/policy/trust.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { testEngine, type TestEngineOptions } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { insertTicket } from "#src/tickets/store/create.ts";
import { createRun } from "../create.ts";
import type { Engine } from "../engine.ts";

const agentFile = (name: string, scope: string, more: string): string => `apiVersion: loopwright.dev/v1
kind: Agent
name: ${name}
runner: model
procedure: chat
instructions: Help.
tools: [memory.*, ask_human${more}]
memory: { scope: ${scope}, retention: 30d }
`;

/** An engine with agents `<scope>-one` and `<scope>-two` for each of the scopes; they may call `tools` too. */
export async function memoryWorld(
  t: TestContext,
  { scopes = ["channel"], tools = [], ...options }: Partial<Pick<TestEngineOptions, "model" | "tools" | "redactor">> & { scopes?: readonly string[] } = {},
) {
  const { db, advance } = await testDatabase(t);
  const clock = heldClock();
  const more = tools.map(({ name }) => `, ${name}`).join("");
  const agents = scopes.flatMap((scope) => ["one", "two"].map((name) => [`agents/${scope}-${name}.yaml`, agentFile(`${scope}-${name}`, scope, more)] as const));
  const engine = await testEngine({ db, clock, files: chatWorkspace(Object.fromEntries(agents)), tools, ...options });
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await advance(ms);
  };
  return { db, clock, engine, pass };
}

export interface Place {
  readonly agent: string;
  readonly channel?: string;
  readonly person?: PrincipalId;
  readonly ticket?: TicketId;
  readonly trust?: Trust;
  readonly text?: string;
}

/** Queues a run in this place: a thread of this channel, a ticket, a person who sent it. */
export async function runIn(engine: Engine, { agent, channel, person, ticket, trust = "member", text = "hello" }: Place): Promise<RunId> {
  const { revision, workspace } = await engine.workspaces.current();
  const place = { clock: engine.clock, revision, workspace, tiers: engine.tiers(workspace) };
  return inTransaction(engine.db, async (tx) => {
    const threadId = channel === undefined ? null : (newId("thr", engine.clock.nowMs()) as ThreadId);
    if (threadId) await sql`insert into threads (id, surface, channel, external_id) values (${threadId}, 'chat', ${channel}, ${threadId})`.execute(tx);
    const runId = await createRun(tx, place, { agent, ticketId: ticket ?? null, threadId, labels: {}, input: { text, source: "test", trust } });
    if (person) await sql`update runs set limits = limits || jsonb_build_object('requestedBy', ${person}::text) where id = ${runId}`.execute(tx);
    return runId;
  });
}

export async function ticketOf(engine: Engine): Promise<TicketId> {
  const id = newId("tkt", engine.clock.nowMs());
  const texts = { title: "t", body: "b", language: "en", source: "test", sender: "test", trust: "member" as const, routeReason: "test", agent: "helper" };
  await inTransaction(engine.db, (tx) => insertTicket(tx, { id, ...texts, senderPrincipalId: null, threadId: null, labels: {} }));
  return id;
}

export const personOf = async (engine: Engine, handle: string): Promise<PrincipalId> =>
  (await makePrincipal(engine.db, engine.clock, { handle, roles: ["viewer"] })).id;

/** Calls a tool for a run, past the gate. */
export async function callFor(engine: Engine, runId: RunId, call: { name: string; args: Json }): Promise<{ [key: string]: Json }> {
  const tool = engine.tools.get(call.name) as ToolPort;
  const use = {
    actKey: newId("act", engine.clock.nowMs()),
    runId,
    agent: "test",
    signal: new AbortController().signal,
    ticketId: null,
    threadId: null,
    labels: {},
  };
  return (await tool.invoke(call.args, use as unknown as ToolUse)) as { [key: string]: Json };
}

export const textsIn = (recalled: { [key: string]: Json }): string[] =>
  (recalled["memories"] as unknown as { text: string }[]).map(({ text }) => text).toSorted();

/** Every place in the record where a text may lie, but for inputs of runs: how many rows hold it. */
export async function rowsWith(db: Db, text: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select (select count(*) from brain_items b where b::text like ${`%${text}%`}) + (select count(*) from acts a where a::text like ${`%${text}%`})
      + (select count(*) from payloads p where p::text like ${`%${text}%`}) + (select count(*) from asks k where k::text like ${`%${text}%`})
      + (select count(*) from receipts r where r::text like ${`%${text}%`})
      + (select count(*) from messages m where role <> 'input' and m::text like ${`%${text}%`}) as count`.execute(db);
  return rows[0]!.count;
}
