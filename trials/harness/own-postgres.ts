import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { until } from "./wait.ts";

/** The number of the postmaster that serves this home; undefined when its file is not there. */
export async function postmasterOf(home: string): Promise<number | undefined> {
  const file = await readFile(join(home, "postgres", "data", "postmaster.pid"), "utf8").catch(() => "");
  const pid = Number(file.split("\n")[0]);
  return pid > 0 ? pid : undefined;
}

export async function isRunning(pid: number | undefined): Promise<boolean> {
  if (pid === undefined) return false;
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (status !== undefined) return !/\) [ZX] /.test(status);
  try {
    process.kill(pid, 0);
    return process.platform !== "linux";
  } catch {
    return false;
  }
}

/** How the server of this home reaches its Postgres. */
export async function urlOf(home: string): Promise<string> {
  const { password, port } = JSON.parse(await readFile(join(home, "postgres", "postgres.json"), "utf8")) as { password: string; port: number };
  return `postgres://loop:${password}@127.0.0.1:${port}/loopwright`;
}

/** Ends the Postgres that a killed server of this home left running, and no other. */
export async function endPostgresOf(home: string): Promise<void> {
  const pid = await postmasterOf(home);
  if (pid === undefined || !(await isRunning(pid))) return;
  const place = await readlink(`/proc/${pid}/cwd`).catch(() => "");
  if (!place.startsWith(home)) return;
  process.kill(pid, "SIGQUIT"); // at once: its data goes with the case
  await until(async () => !(await isRunning(pid)), { limitMs: 10_000 });
}
