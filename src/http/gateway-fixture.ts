import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { sql } from "kysely";
import type { ModelPort } from "#src/acts/ports/model-port.ts";
import { toolBox } from "#src/acts/ports/tool-port.ts";
import type { OpenAIWirePort } from "#src/acts/ports/openai-wire-port.ts";
import type { Db } from "#src/database/open.ts";
import { createGateway, type Gateway } from "#src/gateway/gateway.ts";
import type { GatewayDeps } from "#src/gateway/terms.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { createPriceList } from "#src/ledger/prices.ts";
import type { Principal } from "#src/people/principal.ts";
import { makePrincipal, tokenFor } from "#src/people/people-fixture.ts";
import type { Scope } from "#src/people/permission.ts";
import type { Role } from "#src/people/role.ts";
import { tiersOf } from "#src/runs/think/tiers.ts";
import { testDatabase } from "#src/testing/database.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { filesOf } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { createHttpServer } from "./server.ts";

export interface Asked {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: ReturnType<typeof JSON.parse>;
}

export interface GatewayFixture {
  readonly url: string;
  readonly db: Db;
  readonly gateway: Gateway;
  /** What reached the provider. */
  readonly asked: Asked[];
  token(handle: string, roles?: readonly Role[], scopes?: readonly Scope[]): Promise<string>;
  post(path: string, body: unknown, more?: { token?: string; headers?: Record<string, string>; signal?: AbortSignal }): Promise<Response>;
  /** The rows of the ledger once every call is settled, oldest first. */
  ledger(): Promise<LedgerRow[]>;
  events(kind: string): Promise<ReturnType<typeof JSON.parse>[]>;
}

export interface LedgerRow {
  readonly agent: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly tier: string | null;
  readonly model: string;
  readonly cost: number | null;
  readonly reserved: number;
  readonly input: number | null;
  readonly output: number | null;
  readonly source: string;
}

export const KEY = "sk-of-the-provider-0123456789";

/** The ports, made for a workspace by whoever knows adapters. */
export interface GatewayPorts {
  wire(keys: Keys): OpenAIWirePort;
  model(keys: Keys & { readonly providers: () => Workspace["manifest"]["providers"] }): ModelPort;
}

interface Keys {
  readonly secrets: () => Promise<string>;
  readonly clock: Clock;
}

export interface Choices {
  readonly ports: GatewayPorts;
  readonly files?: Readonly<Record<string, string>>;
  readonly wire?: "openai-compatible" | "anthropic";
  readonly gateway?: string;
  readonly prices?: string;
}

/** A server with a gateway, on loopback, before a provider that answers by `answer`. Prices: $1 a million tokens in, $2 out. */
export async function gatewayFixture(t: TestContext, answer: Answering, more: Choices): Promise<GatewayFixture> {
  const { db } = await testDatabase(t);
  const clock = heldClock();
  const { asked, baseUrl } = await provide(t, answer);
  const workspace = workspaceWith(baseUrl, more);
  const workspaces = { current: () => Promise.resolve({ revision: 1, workspace }), at: () => Promise.resolve(workspace) };
  const tiers = () => tiersOf(workspace, {});
  const gateway = gatewayOf({ db, clock, workspaces, workspace, tiers, ports: more.ports });
  const app = createHttpServer({
    db,
    clock,
    log: silentLog,
    version: "1.2.3",
    address: { host: "127.0.0.1", trustedProxies: [] },
    workspaces,
    tiers,
    receive: () => Promise.reject(new Error("nothing is received here")),
    receiveTurn: () => Promise.reject(new Error("nothing is said here")),
    tools: toolBox([]),
    recall: () => Promise.reject(new Error("nothing is recalled here")),
    health: () => Promise.resolve({ ok: true }),
    gateway,
    limits: { feedCheckMs: 20 },
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  t.after(async () => {
    await app.close();
    await gateway.close();
  });
  const token = tokensOf(db, clock);
  const usual = await token("tool");
  return {
    url,
    db,
    gateway,
    asked,
    token,
    post: (path, body, { token: given = usual, headers = {}, signal } = {}) =>
      fetch(`${url}${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${given}`, "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
        ...(signal ? { signal } : {}),
      }),
    ledger: () => settledLedger(db),
    events: (kind) => payloadsOf(db, kind),
  };
}

export type Answering = (response: ServerResponse, asked: Asked) => void;

async function provide(t: TestContext, answer: Answering): Promise<{ asked: Asked[]; baseUrl: string }> {
  const asked: Asked[] = [];
  const provider = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const one = { path: incoming.url ?? "", headers: incoming.headers, text, body: JSON.parse(text) as unknown };
      asked.push(one);
      answer(response, one);
    });
  });
  await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    provider.closeAllConnections();
    provider.close();
  });
  return { asked, baseUrl: `http://127.0.0.1:${(provider.address() as AddressInfo).port}/v1` };
}

function workspaceWith(baseUrl: string, more: Choices): Workspace {
  const parsed = parseWorkspace(
    filesOf({
      "loop.yaml": `apiVersion: loopwright.dev/v1
kind: Workspace
name: gates
models: { fast: "mine:small", strong: "mine:large" }
prices: ${more.prices ?? '{ "mine:*": { inputUsd: 1, outputUsd: 2 } }'}
providers: { mine: { wire: ${more.wire ?? "openai-compatible"}, baseUrl: "${baseUrl}", apiKey: "secret:mine" } }
${more.gateway ?? 'gateway: { models: [fast, strong, "mine:*", { name: cheap, model: "mine:tiny" }, { name: special, model: "mine:one", scope: "tokens:manage" }] }'}
`,
      ...more.files,
    }),
  );
  if (parsed.kind !== "ok") throw new Error(JSON.stringify(parsed.problems));
  return parsed.workspace;
}

type GatewayParts = Pick<GatewayDeps, "db" | "clock" | "workspaces" | "tiers"> & { readonly workspace: Workspace; readonly ports: GatewayPorts };

function gatewayOf({ workspace, ports, ...parts }: GatewayParts): Gateway {
  const { clock } = parts;
  const { providers, prices } = workspace.manifest;
  const secrets = () => Promise.resolve(KEY);
  return createGateway({
    ...parts,
    log: silentLog,
    prices: () => createPriceList({ overrides: prices, providers, clock }),
    wire: ports.wire({ secrets, clock }),
    model: ports.model({ secrets, clock, providers: () => providers }),
    mayTake: () => true,
  });
}

function tokensOf(db: Db, clock: Clock): GatewayFixture["token"] {
  const principals = new Map<string, Principal>();
  return async (handle, roles = ["agent"], scopes = ["models:call"]) => {
    const principal = principals.get(handle) ?? (await makePrincipal(db, clock, { handle, roles }));
    principals.set(handle, principal);
    return (await tokenFor(db, clock, { principal, scopes })).value;
  };
}

async function payloadsOf(db: Db, kind: string): Promise<ReturnType<typeof JSON.parse>[]> {
  const { rows } = await sql<{ body: string }>`select p.body from events e join payloads p on p.event_id = e.id where e.kind = ${kind} order by e.id`.execute(
    db,
  );
  return rows.map(({ body }) => JSON.parse(body) as unknown);
}

async function settledLedger(db: Db): Promise<LedgerRow[]> {
  for (;;) {
    const { rows } = await sql<LedgerRow & { state: string }>`
      select agent, labels, tier, model, cost_nanos as cost, reserved_nanos as reserved, input_tokens as input, output_tokens as output, source, state
      from ledger order by act_id`.execute(db);
    if (rows.every(({ state }) => state === "settled")) return rows.map(({ state: _state, ...row }) => row);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export const CHAT = { model: "fast", messages: [{ role: "user", content: "hello" }] };

/** A whole answer in OpenAI's words. */
export function completion(text: string, more: Readonly<Record<string, unknown>> = {}): object {
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    model: "small-2026",
    choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }],
    usage: { prompt_tokens: 1_000, completion_tokens: 500, total_tokens: 1_500 },
    ...more,
  };
}

export function sendJson(response: ServerResponse, body: unknown, how: { status?: number; headers?: Readonly<Record<string, string>> } = {}): void {
  const { status = 200, headers = {} } = how;
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

export const frame = (body: unknown): string => `data: ${typeof body === "string" ? body : JSON.stringify(body)}\n\n`;
export const spoken = (content: string): string =>
  frame({ id: "c", object: "chat.completion.chunk", model: "small-2026", choices: [{ index: 0, delta: { content } }] });
export const usageFrame = (input: number, output: number): string =>
  frame({ id: "c", choices: [], usage: { prompt_tokens: input, completion_tokens: output } });
