import type { TestContext } from "node:test";
import { sql } from "kysely";
import type { ModelPort } from "#src/acts/ports/model-port.ts";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { Scope } from "#src/people/permission.ts";
import { makePrincipal, tokenFor } from "#src/people/people-fixture.ts";
import { receiveText } from "#src/intake/receive.ts";
import { receiveTurn } from "#src/intake/receive-turn.ts";
import type { Engine } from "#src/runs/engine.ts";
import { createRunWatch } from "#src/runs/watch.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain, testEngine } from "#src/testing/engine.ts";
import { type HeldClock, heldClock } from "#src/testing/held-clock.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import type { FileSet } from "#src/workspace/files.ts";
import type { App } from "./app.ts";
import type { Wire } from "./http-fixture.ts";
import { createHttpServer } from "./server.ts";

export interface ServiceFixture {
  readonly engine: Engine;
  readonly app: App;
  /** Another server on the same database. */
  readonly other: App;
  readonly advance: (ms: number) => Promise<void>;
  call(
    path: string,
    payload: unknown,
    more?: { headers?: Record<string, string>; app?: App; method?: "GET" | "POST" | "OPTIONS"; token?: string },
  ): Promise<{ status: number; body: Wire; headers: Record<string, unknown> }>;
  /** Revokes all tokens of somebody, once a call was taken in. */
  revoke(handle: string): Promise<void>;
  token(handle: string, roles: Parameters<typeof makePrincipal>[2]["roles"], scopes?: readonly Scope[]): Promise<string>;
}

interface Parts {
  readonly files: FileSet;
  readonly model?: ModelPort;
  readonly tools?: readonly ToolPort[];
  readonly clock?: HeldClock;
}

/** Two servers over one engine that moves whenever something changed; nothing listens. */
export async function serviceFixture(t: TestContext, { files, model, tools = [] }: Parts): Promise<ServiceFixture> {
  const closing: { close?: () => Promise<unknown> } = {};
  t.after(() => closing.close?.()); // before the database, which is closed in its turn
  const { db, advance } = await testDatabase(t);
  const clock = heldClock();
  const engine = await testEngine({ db, clock, files, tools, ...(model ? { model } : {}) });
  let moving: Promise<unknown> = Promise.resolve();
  const looks = new Set<() => void>();
  const changed = (): void => {
    moving = moving.then(() => drain(engine)).then(() => looks.forEach((look) => look()));
  };
  const intake = { db, clock, workspaces: engine.workspaces, tiers: engine.tiers, mayTake: () => true, whoIs: () => Promise.resolve(undefined) };
  const server = (): App =>
    createHttpServer({
      db,
      clock,
      log: silentLog,
      version: "1.2.3",
      address: { host: "127.0.0.1", trustedProxies: [] },
      workspaces: engine.workspaces,
      tools: engine.tools,
      tiers: engine.tiers,
      receive: (message) => receiveText(intake, message),
      receiveTurn: (turn) => receiveTurn(intake, turn),
      recall: () => Promise.reject(new Error("nothing is recalled here")),
      health: () => Promise.resolve({ ok: true }),
      changed,
      limits: { feedCheckMs: 20 },
      watch: createRunWatch({ db, onChange: (look) => (looks.add(look), () => looks.delete(look)) }),
    });
  const [app, other] = [server(), server()];
  closing.close = async () => {
    await moving.catch(() => undefined);
    await Promise.all([app.close(), other.close()]);
  };
  const token = async (handle: string, roles: Parameters<typeof makePrincipal>[2]["roles"], scopes?: readonly Scope[]) =>
    (await tokenFor(db, clock, { principal: await makePrincipal(db, clock, { handle, roles }), ...(scopes ? { scopes } : {}) })).value;
  const owner = await token("backend", ["operator"]);
  const revoke = async (handle: string): Promise<void> => {
    for (let found = 0n; found === 0n;) {
      const { rows } = await sql<{ n: bigint }>`select count(*) as n from service_calls`.execute(db); // the call is let in first
      found = BigInt(rows[0]!.n);
    }
    await sql`update tokens t set revoked_at = loop_now() from principals p where p.id = t.principal_id and p.handle = ${handle}`.execute(db);
  };
  return { engine, app, other, advance, token, revoke, call: caller(app, owner) };
}

function caller(app: App, owner: string): ServiceFixture["call"] {
  return async (path, payload, more = {}) => {
    const reply = await (more.app ?? app).inject({
      method: more.method ?? "POST",
      url: path,
      headers: { authorization: `Bearer ${more.token ?? owner}`, ...(payload === undefined ? {} : { "content-type": "application/json" }), ...more.headers },
      ...(payload === undefined ? {} : { payload: typeof payload === "string" ? payload : JSON.stringify(payload) }),
    });
    const isJson = String(reply.headers["content-type"] ?? "").includes("json");
    return { status: reply.statusCode, body: isJson ? (JSON.parse(reply.payload) as unknown) : reply.payload, headers: reply.headers };
  };
}
