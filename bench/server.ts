import { cp, readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import type { Child } from "../trials/harness/child.ts";
import type { World } from "./world.ts";

export const SAMPLE = join(import.meta.dirname, "..", "workspaces", "warm-stays");

export interface ServerOptions {
  readonly home: string;
  /** Undefined: the Postgres of its home. */
  readonly databaseUrl?: string | undefined;
}

export interface Server {
  readonly child: Child;
  readonly url: string;
  readonly home: string;
  /** Milliseconds from the start of the process until it said that it is ready. */
  readonly readyMs: number;
  /** @throws Error on anything but a 2xx */
  call(method: "GET" | "POST", path: string, body?: object): Promise<unknown>;
  stop(): Promise<void>;
}

/** The sample workspace in a home of its own. */
export async function makeHome(world: World): Promise<string> {
  const home = await world.empty("home");
  await cp(SAMPLE, join(home, "workspace"), { recursive: true });
  return home;
}

/** A server in a process of its own, on any free port, with nothing of this environment's own settings. */
export async function startServer(world: World, { home, databaseUrl }: ServerOptions): Promise<Server> {
  const startMs = performance.now();
  const child = world.start({
    name: "server",
    script: new URL("./server-child.ts", import.meta.url),
    env: { ...withoutSettings(), LOOP_HOME: home, LOOP_PORT: "0", DATABASE_URL: databaseUrl },
  });
  const { url } = (await child.heard("ready")) as unknown as { url: string };
  const readyMs = performance.now() - startMs;
  const { token } = JSON.parse(await readFile(join(home, "credentials.json"), "utf8")) as { token: string };
  return {
    child,
    url,
    home,
    readyMs,
    call: (method, path, body) => call(`${url}${path}`, { method, token, body }),
    async stop() {
      const { code, signal } = await child.stop();
      if (code !== 0) throw new Error(`the server ended with ${signal ?? code}: ${child.errors()}`);
    },
  };
}

/** Takes every setting of the person who runs the bench out of the environment of a child. */
export function withoutSettings(): Record<string, undefined> {
  const ours = Object.keys(process.env).filter(
    (name) => name.startsWith("LOOP_") || name === "DATABASE_URL" || name.endsWith("_API_KEY") || name.startsWith("AWS_"),
  );
  return Object.fromEntries(ours.map((name) => [name, undefined]));
}

function call(url: string, { method, token, body }: { method: string; token: string; body: object | undefined }): Promise<unknown> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${token}`,
    ...(text === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers }, (response) => {
      let answer = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => (answer += piece));
      response.on("end", () => {
        if (response.statusCode! >= 200 && response.statusCode! < 300) resolve(JSON.parse(answer));
        else reject(new Error(`${method} ${url}: ${response.statusCode} ${answer.slice(0, 500)}`));
      });
    });
    sent.on("error", reject);
    sent.end(text);
  });
}
