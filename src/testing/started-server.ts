import { chmod, cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelPort } from "#src/acts/ports/model-port.ts";
import { readSettings } from "#src/settings/read.ts";

export interface ServerOptions {
  /** The folder of a workspace. A copy of it is served. */
  readonly workspace: string;
  /** What thinks; left out: the providers that the workspace names. */
  readonly model?: ModelPort;
  /** An empty database of Postgres; left out: the server starts a Postgres of its own, which takes a few seconds. */
  readonly databaseUrl?: string;
  /** Settings and keys of providers. Nothing of the environment of the test gets in otherwise. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface StartedServer {
  readonly url: string;
  /** Of the owner. */
  readonly token: string;
  /** An answer to the owner; `line` such as `POST /v1/tickets`. The body is what JSON.parse gives, or the text. */
  call(line: string, body?: unknown): Promise<{ readonly status: number; readonly body: ReturnType<typeof JSON.parse> }>;
  /** Ends it and its workers, and takes its home away. Safe to call twice. */
  stop(): Promise<void>;
}

const WORKER_GRACE_MS = 1_000;

/** A whole server in this process, with a home of its own in the folder for temporary files. @throws LoopError naming what is in the way */
export async function startServer({ workspace, model, databaseUrl, env = {} }: ServerOptions): Promise<StartedServer> {
  const { serve } = await import("#src/main.ts"); // all of the server, which other tests need not load
  const home = await mkdtemp(join(tmpdir(), "loopwright-home-"));
  const away = () => rm(home, { recursive: true, force: true });
  try {
    await chmod(home, 0o711); // Postgres of its own runs as another account where the test is root
    await cp(workspace, join(home, "workspace"), { recursive: true });
    const given = { LOOP_HOME: home, LOOP_PORT: "0", ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }), ...env };
    const server = await serve(readSettings({ env: given, home: homedir(), isRoot: process.getuid?.() === 0 }), given, { model });
    const { token } = JSON.parse(await readFile(join(home, "credentials.json"), "utf8")) as { token: string };
    return {
      url: server.url,
      token,
      call: caller(server.url, token),
      async stop() {
        await server.stop();
        const workers = await server.workers.list();
        await Promise.all(workers.map(({ key }) => server.workers.stop(key, WORKER_GRACE_MS)));
        await away();
      },
    };
  } catch (error) {
    await away();
    throw error;
  }
}

function caller(url: string, token: string): StartedServer["call"] {
  return async (line, body) => {
    const [method = "GET", path = ""] = line.split(" ");
    const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) };
    const answer = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const text = await answer.text();
    return { status: answer.status, body: answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text };
  };
}
