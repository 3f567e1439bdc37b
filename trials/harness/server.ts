import { cp, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Child } from "./child.ts";
import { endPostgresOf } from "./own-postgres.ts";
import type { World } from "./world.ts";

const CHILD = new URL("../server-child.ts", import.meta.url);
const SAMPLE = join(import.meta.dirname, "..", "..", "workspaces", "warm-stays");

export interface ServerOptions {
  readonly name: string;
  /** A folder of the case; made when it is missing. */
  readonly home: string;
  /** Left out: the server runs its own Postgres. */
  readonly databaseUrl?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly under?: readonly string[];
}

export interface Reply {
  readonly status: number;
  readonly body: { readonly [key: string]: unknown };
}

export interface Server {
  readonly child: Child;
  readonly url: string;
  readonly token: string;
  /** One request; `undefined` when the connection broke before the answer. Never throws. */
  call(line: string, more?: { body?: object; key?: string; timeoutMs?: number }): Promise<Reply | undefined>;
  /** The list in the answer to a GET. @throws Error when there is none */
  list<T>(path: string, name: string): Promise<T[]>;
}

/** Starts a server on a copy of the sample workspace, on any free port; says nothing about whether it gets ready. */
export async function startServer(world: World, { name, home, databaseUrl, env = {}, under = [] }: ServerOptions): Promise<Child> {
  const workspace = await workspaceOf(world);
  await mkdir(home, { recursive: true });
  world.after(() => endPostgresOf(home));
  const ours = {
    LOOP_HOME: home,
    LOOP_WORKSPACE: workspace,
    LOOP_PORT: "0",
    LOOP_MIN_FREE_MB: "50",
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
  };
  const child = world.start({ name, script: CHILD, env: { ...ours, ...env }, under });
  world.after(() => keepLog(world, home, name));
  return child;
}

const workspaces = new WeakMap<World, Promise<string>>();

/** One copy of the sample for all servers of a case. */
function workspaceOf(world: World): Promise<string> {
  const folder = join(world.folder, "workspace");
  const made = workspaces.get(world) ?? cp(SAMPLE, folder, { recursive: true }).then(() => folder);
  workspaces.set(world, made);
  return made;
}

export async function openServer(world: World, options: ServerOptions, limitMs = 60_000): Promise<Server> {
  const child = await startServer(world, options);
  return reach(child, limitMs);
}

/** Waits until it is ready. @throws Error when it refuses to start */
export async function reach(child: Child, limitMs = 60_000): Promise<Server> {
  const said = await child.heard("ready", limitMs).catch((error: unknown) => {
    const refused = child.said.find((one) => one.say === "refused");
    throw refused ? new Error(`${child.name} did not start: ${String(refused["message"])}`) : error;
  });
  const { token } = JSON.parse(await readFile(String(said["credentials"]), "utf8")) as { token: string };
  return serverAt(child, String(said["url"]), token);
}

export function serverAt(child: Child, url: string, token: string): Server {
  const server: Server = {
    child,
    url,
    token,
    async list<T>(path: string, name: string) {
      const reply = await server.call(`GET ${path}`);
      const found = reply?.body[name];
      if (!Array.isArray(found)) throw new Error(`GET ${path} gave no ${name}: ${reply?.status}`);
      return found as T[];
    },
    async call(line, { body, key, timeoutMs = 20_000 } = {}) {
      const [method, path] = line.split(" ") as [string, string];
      try {
        const answer = await fetch(`${url}${path}`, {
          method,
          headers: {
            authorization: `Bearer ${token}`,
            ...(body ? { "content-type": "application/json" } : {}),
            ...(key === undefined ? {} : { "idempotency-key": key }),
          },
          ...(body ? { body: JSON.stringify(body) } : {}),
          signal: AbortSignal.timeout(timeoutMs),
        });
        const text = await answer.text();
        return { status: answer.status, body: text === "" ? {} : (JSON.parse(text) as Reply["body"]) };
      } catch {
        return undefined;
      }
    },
  };
  return server;
}

async function keepLog(world: World, home: string, name: string): Promise<void> {
  await cp(join(home, "logs", "server.log"), join(world.folder, "logs", `${name}.log`)).catch(() => undefined);
  await cp(join(home, "postgres", "postgres.log"), join(world.folder, "logs", `${name}.postgres.log`)).catch(() => undefined);
}
