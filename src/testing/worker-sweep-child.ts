import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import type { WorkerPort, WorkerStatus } from "#src/acts/ports/worker-port.ts";
import { startWorker } from "#src/pulse/workers/start-worker.ts";
import { type Life, liveOn, liveOnce } from "./sweep-life.ts";
import { workerStage } from "./worker-stage.ts";

const PERSON = { id: "prn_sweep" as const, handle: "sweep", roles: ["owner"] as const };

/** Workers that live in a file, so that another process finds them. */
function filedWorkers(folder: string): WorkerPort & { readonly endAll: () => Promise<void> } {
  const starts = join(folder, "starts");
  const ends = join(folder, "ends");
  const lines = async (file: string): Promise<string[]> => (await readFile(file, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
  const list = async (): Promise<WorkerStatus[]> => {
    const ended = new Set(await lines(ends));
    return (await lines(starts)).map((key): WorkerStatus => {
      const over = ended.has(key);
      const how = over ? ({ state: "exited", exitCode: 0, endedAtMs: 2 } as const) : ({ state: "running", exitCode: null, endedAtMs: null } as const);
      return { key, host: "here", pid: 1, name: "fix-login", signal: null, startedAtMs: 1, lastOutputAtMs: 1, sandbox: "none", ...how };
    });
  };
  const find = async (key: string) => (await list()).find((one) => one.key === key);
  return {
    name: "filed",
    async start(key) {
      if (!(await find(key))) await appendFile(starts, `${key}\n`);
      return (await find(key))!;
    },
    find,
    list,
    stop: find,
    screen: async () => [],
    log: async () => "done\n",
    watch: () => () => undefined,
    forget: async () => undefined,
    endAll: async () => writeFile(ends, `${(await lines(starts)).join("\n")}\n`),
  };
}

const sandbox = (folder: string): SandboxPort => ({
  name: "filed",
  available: async () => ({ ok: true }),
  async run() {
    await appendFile(join(folder, "checks"), "check\n");
    return { exitCode: 0, timedOut: false, stdout: "", stderr: "", truncated: false };
  },
  start: () => Promise.reject(new Error("nothing goes on here")),
  wrap: () => Promise.reject(new Error("nothing is wrapped here")),
});

/** Starts a worker if none was, lets its program end, and has its work checked. */
export const liveWorker: Life = async (db, folder) => {
  await mkdir(folder, { recursive: true });
  const port = filedWorkers(folder);
  const stage = await workerStage({ db, folder, sandbox: sandbox(folder), port, looks: false });
  const { rows } = await sql`select id from runs`.execute(db);
  if (rows.length === 0) await startWorker({ ...stage.deps, changed: () => undefined }, stage.root, { name: "fix-login", prompt: "Mend it.", verify: "true" });
  await liveOn(stage.engine, { person: PERSON });
  await port.endAll();
  await stage.look();
  await liveOn(stage.engine, { person: PERSON });
};

if (import.meta.main) await liveOnce(liveWorker);
