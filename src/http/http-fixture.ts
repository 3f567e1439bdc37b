import { toolBox } from "#src/acts/ports/tool-port.ts";
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { InjectOptions } from "fastify";
import type { z } from "zod";
import { openAsk } from "#src/asks/store/open.ts";
import type { NewAsk } from "#src/asks/ask.ts";
import { retrieve } from "#src/brain/retrieve.ts";
import { reindex } from "#src/brain/reindex.ts";
import { itemsOf } from "#src/brain/workspace-items.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import { receiveTurn } from "#src/intake/receive-turn.ts";
import { receiveText } from "#src/intake/receive.ts";
import { type AskId, newId, type RunId, type TicketId } from "#src/kernel/ids.ts";
import type { Log } from "#src/kernel/log.ts";
import type { Scope } from "#src/people/permission.ts";
import type { Principal } from "#src/people/principal.ts";
import { makePrincipal, tokenFor } from "#src/people/people-fixture.ts";
import type { Role } from "#src/people/role.ts";
import { findByIdentity } from "#src/people/store/principals.ts";
import { tiersOf } from "#src/runs/think/tiers.ts";
import { testDatabase } from "#src/testing/database.ts";
import { type HeldClock, heldClock } from "#src/testing/held-clock.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import type { FileSet } from "#src/workspace/files.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { App } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { createHttpServer } from "./server.ts";

export interface Person {
  readonly principal: Principal;
  readonly token: string;
  readonly tokenId: string;
}

/** What came over the wire, as loosely typed as JSON.parse types it. */
export type Wire = ReturnType<typeof JSON.parse>;

export interface Answered {
  readonly status: number;
  readonly body: Wire;
  readonly headers: Readonly<Record<string, unknown>>;
}

type Options = Omit<InjectOptions, "url" | "method"> & { readonly as?: Person };

export interface HttpFixture {
  readonly app: App;
  readonly db: Db;
  /** Of its database. */
  readonly url: string;
  readonly clock: HeldClock;
  readonly workspace: Workspace;
  /** What was logged as an error. */
  readonly errors: string[];
  advance(ms: number): Promise<void>;
  person(handle: string, roles: readonly Role[], more?: { scopes?: readonly Scope[]; validForMs?: number }): Promise<Person>;
  call(line: string, options?: Options): Promise<Answered>;
  ticket(text?: string): Promise<{ id: TicketId; number: number; runId: RunId }>;
  ask(of: Partial<NewAsk>): Promise<AskId>;
}

/** A server on a fresh database with a small workspace and the real intake; nothing listens. Every answer is held to the schema that its route documents. */
export async function httpFixture(t: TestContext, more: Partial<HttpDeps> = {}, files: FileSet = filesOf(SOUND_FILES)): Promise<HttpFixture> {
  const { db, url, advance } = await testDatabase(t);
  const clock = heldClock();
  const parsed = parseWorkspace(files);
  assert.ok(parsed.kind === "ok");
  const { workspace } = parsed;
  await inTransaction(db, async (tx) => void (await reindex(tx, itemsOf(workspace))));
  const workspaces = { current: () => Promise.resolve({ revision: 1, workspace }), at: () => Promise.resolve(workspace) };
  const errors: string[] = [];
  const log: Log = { ...silentLog, error: (message, facts) => void errors.push(`${message}: ${String(facts?.error)}`) };
  const intake = {
    db,
    clock,
    workspaces,
    tiers: () => tiersOf(workspace, {}),
    mayTake: () => true,
    whoIs: (surface: string, sender: string) => findByIdentity(db, surface, sender),
  };
  const app = createHttpServer({
    db,
    clock,
    log,
    version: "1.2.3",
    address: { host: "127.0.0.1", trustedProxies: [] },
    workspaces,
    tiers: intake.tiers,
    receive: (message) => receiveText(intake, message),
    receiveTurn: (turn) => receiveTurn(intake, turn),
    tools: toolBox([]),
    recall: (query) => retrieve(db, query),
    health: () => Promise.resolve({ ok: true, degraded: "one thing", parts: { disk: "fine" } }),
    ...more,
    limits: { settleMs: 0, ...more.limits }, // nothing moves here
  });
  app.addHook("onSend", async (request, reply, payload) => holdToSchema(request.routeOptions.schema?.response, reply.statusCode, payload));
  t.after(() => app.close());
  return { app, db, url, clock, workspace, errors, advance, ...callers({ app, db, clock }) };
}

type Reach = Pick<HttpFixture, "app" | "db" | "clock">;

function callers({ app, db, clock }: Reach): Pick<HttpFixture, "person" | "call" | "ticket" | "ask"> {
  const call = async (line: string, { as, headers, ...options }: Options = {}): Promise<Answered> => {
    const [method, url] = line.split(" ") as ["GET", string];
    const reply = await app.inject({ method, url, headers: { ...(as ? { authorization: `Bearer ${as.token}` } : {}), ...headers }, ...options });
    const type = String(reply.headers["content-type"] ?? "");
    return {
      status: reply.statusCode,
      body: type.includes("json") && reply.payload !== "" ? (JSON.parse(reply.payload) as unknown) : reply.payload,
      headers: reply.headers,
    };
  };
  return {
    call,
    async person(handle, roles, more = {}) {
      const principal = await makePrincipal(db, clock, { handle, roles });
      const { value, token } = await tokenFor(db, clock, { principal, ...more });
      return { principal, token: value, tokenId: token.id };
    },
    async ticket(text = "The oven is cold") {
      const sender = await makePrincipal(db, clock, { handle: `sender-${newId("prn", clock.nowMs()).slice(-8)}`, roles: ["operator"] });
      const { value } = await tokenFor(db, clock, { principal: sender });
      const { body } = await call("POST /v1/tickets", { payload: { text }, headers: { authorization: `Bearer ${value}` } });
      return { id: body.id, number: body.number, runId: body.runId };
    },
    async ask(of) {
      const id = newId("ask", clock.nowMs());
      const usual = {
        kind: "approval",
        purpose: "act",
        runId: null,
        actId: null,
        ticketId: null,
        prompt: "Send it?",
        detail: {},
        options: ["approve", "deny"],
      } as const;
      const terms = { approvers: { roles: ["approver", "owner"], names: [] }, quorum: 1, binding: null, rule: null, expiry: [], revision: 1 } as const;
      await openAsk(db, { id, ...usual, ...terms, ...of });
      return id;
    },
  };
}

function holdToSchema(documented: unknown, status: number, payload: unknown): unknown {
  const schema = (documented as Record<number, z.ZodType> | undefined)?.[status];
  if (!schema || typeof payload !== "string") return payload;
  const sent = JSON.parse(payload) as unknown;
  assert.deepEqual(schema.parse(sent), sent, "the answer is not what the route documents");
  return payload;
}
