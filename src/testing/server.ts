import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { WORKSPACES_FOLDER } from "./desk.ts";

const CHILD = join(import.meta.dirname, `server-child${extname(import.meta.filename)}`);

/** A home of its own with a copy of a sample workspace; removed after the test. */
export async function temporaryHome(t: TestContext, workspace = "warm-stays"): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "loopwright-home-"));
  await chmod(home, 0o711);
  t.after(() => rm(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })); // a server that still lives may be writing
  await cp(join(WORKSPACES_FOLDER, workspace), join(home, "workspace"), { recursive: true });
  return home;
}

export interface ServerProcess {
  readonly url: string;
  readonly process: ChildProcess;
  /** An answer of the API as the owner of the home. */
  call(line: string, body?: object): Promise<{ status: number; body: never }>;
  /** Reads the feed from the beginning until an event of this kind comes whose payload fits; gives the payload. */
  until(kind: string, fits?: (payload: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a server and waits until it listens. It is killed after the test if it still runs. */
export async function startServer(t: TestContext, home: string, env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const child = spawn(process.execPath, [CHILD], {
    env: { ...bare(process.env), LOOP_HOME: home, LOOP_PORT: "0", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL"); // its database may be gone by now
    await gone;
  });
  const line = await Promise.race([once(createInterface(child.stdout), "line"), gone.then(() => undefined)]);
  if (line === undefined) throw new Error("the server ended before it listened");
  const { url } = JSON.parse(String(line[0])) as { url: string };
  const { token } = JSON.parse(await readFile(join(home, "credentials.json"), "utf8")) as { token: string };
  return {
    url,
    process: child,
    async call(request, body) {
      const [method, path] = request.split(" ") as [string, string];
      const headers = { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}) };
      const answer = await fetch(url + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
      return { status: answer.status, body: (await answer.json()) as never };
    },
    until: (kind, fits = () => true) => untilEvent({ url, token, kind, fits }),
    async kill(signal) {
      child.kill(signal);
      await gone;
    },
  };
}

/** Settings of the machine that runs the tests are not those of the server under test. */
const bare = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("LOOP_") && name !== "DATABASE_URL" && !name.endsWith("_API_KEY")));

interface Waiting {
  readonly url: string;
  readonly token: string;
  readonly kind: string;
  readonly fits: (payload: Record<string, unknown>) => boolean;
}

const PATIENCE_MS = 30_000;

async function untilEvent({ url, token, kind, fits }: Waiting): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}/v1/feed?after=0`, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(PATIENCE_MS) });
  let text = "";
  for await (const chunk of answer.body!) {
    text += Buffer.from(chunk as Uint8Array).toString("utf8");
    const frames = text.split("\n\n");
    text = frames.pop()!;
    for (const frame of frames) {
      const data = /^data: (.*)$/m.exec(frame)?.[1];
      const event = data === undefined ? undefined : (JSON.parse(data) as { kind: string; payload?: Record<string, unknown> });
      if (event?.kind === kind && fits(event.payload ?? {})) return event.payload ?? {};
    }
  }
  throw new Error(`the feed ended before ${kind} came`);
}
