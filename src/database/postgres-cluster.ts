import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, link, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { LoopError } from "#src/kernel/errors.ts";
import { type Account, cannotUse, isSystemError, nullWhenAbsent } from "./postgres-account.ts";
import type { Binaries } from "./postgres-binaries.ts";
import { isAlive } from "./postgres-liveness.ts";
import { identity, POSTGRES_ENVIRONMENT } from "./postgres-process.ts";

/** What postgres.json holds. The password is decided once; the port is the last one used. */
export interface Credentials {
  readonly password: string;
  readonly port: number;
}

export interface Cluster {
  readonly folder: string;
  readonly account: Account | null;
  readonly binaries: Binaries;
  readonly fsync: boolean;
}

const run = promisify(execFile);
export const POSTGRES_USER = "loop";

/** Reads postgres.json; makes it with a new password when it is absent. Two makers: one wins, both get the winner's. */
export async function requireCredentials(folder: string): Promise<Credentials> {
  const path = join(folder, "postgres.json");
  const text = await readFile(path, "utf8").catch(nullWhenAbsent);
  if (text !== null) return parseCredentials(text, path);
  const temporary = `${path}.new-${process.pid}`;
  try {
    await writeDurably(temporary, { password: randomBytes(24).toString("hex"), port: 0 });
    await link(temporary, path).catch((cause: unknown) => {
      if (!isSystemError(cause, "EEXIST")) throw cause;
    });
  } finally {
    await rm(temporary, { force: true });
  }
  return parseCredentials(await readFile(path, "utf8"), path);
}

export async function savePort(folder: string, credentials: Credentials): Promise<void> {
  const path = join(folder, "postgres.json");
  await writeDurably(`${path}.new-${process.pid}`, credentials);
  await rename(`${path}.new-${process.pid}`, path);
}

function parseCredentials(text: string, path: string): Credentials {
  try {
    const { password, port }: Partial<Credentials> = JSON.parse(text);
    if (typeof password === "string" && /^[0-9a-f]{32,}$/.test(password) && typeof port === "number") return { password, port };
  } catch (cause) {
    throw unreadable(path, cause);
  }
  throw unreadable(path, undefined);
}

const unreadable = (path: string, cause: unknown) =>
  new LoopError("home_not_usable", `${path} should hold the password and port of the database, and does not. Put a copy of it back.`, {
    facts: { path },
    cause,
  });

async function writeDurably(path: string, value: object): Promise<void> {
  await rm(path, { force: true });
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(value)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the data folder unless it is there: in a folder of its own name first, so that `data` is either whole or absent. @throws LoopError database_version_unsupported | home_not_usable */
export async function requireData(cluster: Cluster, password: string): Promise<void> {
  const data = join(cluster.folder, "data");
  await removeHalfMade(cluster.folder);
  if ((await stat(data).catch(nullWhenAbsent)) !== null && (await readdir(data)).length > 0) return checkVersion(data, cluster.binaries);
  const unfinished = join(cluster.folder, `data.new-${process.pid}`);
  const passwordFile = `${unfinished}.password`;
  try {
    await mkdir(unfinished, { mode: 0o700 });
    await writeFile(passwordFile, password, { flag: "wx", mode: 0o600 });
    if (cluster.account) for (const path of [unfinished, passwordFile]) await chown(path, cluster.account.userId, cluster.account.groupId);
    await initialise(cluster, { data: unfinished, passwordFile });
    await rename(unfinished, data);
    if (cluster.fsync) await syncFolder(cluster.folder);
  } catch (cause) {
    throw cannotUse(cluster.folder, cause);
  } finally {
    await rm(passwordFile, { force: true });
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function initialise(cluster: Cluster, made: { data: string; passwordFile: string }): Promise<void> {
  const choices = [
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin", // order by code point, but with the letters of all scripts
    "--builtin-locale=C.UTF-8",
    "--auth=scram-sha-256",
    `--username=${POSTGRES_USER}`,
    `--pwfile=${made.passwordFile}`,
    "--no-instructions",
  ];
  if (!cluster.fsync) choices.push("--no-sync");
  const program = join(cluster.binaries.folder, "bin", "initdb");
  try {
    await run(program, ["-D", made.data, ...choices], { cwd: cluster.folder, env: POSTGRES_ENVIRONMENT, ...identity(cluster.account) });
  } catch (cause) {
    const said = cause instanceof Error && "stderr" in cause ? String(cause.stderr).trim().slice(-2_000) : "";
    if (/No space left on device/.test(said)) {
      throw new LoopError("storage_full", `The disk of ${cluster.folder} is full. Free some space and start again.`, {
        facts: { folder: cluster.folder },
        cause,
      });
    }
    if (isSystemError(cause, "ENOENT", "ENOEXEC") || /error while loading shared libraries/.test(said)) {
      throw new LoopError(
        "postgres_missing",
        `The Postgres that comes with Loopwright cannot be run on this system${said && `: ${said}`}. Set DATABASE_URL to a Postgres 15 or newer.`,
        { cause },
      );
    }
    throw new LoopError("home_not_usable", `Postgres could not make its data in ${cluster.folder}. It said: ${said || String(cause)}`, {
      facts: { folder: cluster.folder },
      cause,
    });
  }
}

/** Gives our role the password of postgres.json, for when that file was lost and made anew. No postmaster may be running: this starts Postgres for one statement, without a port. */
export async function resetPassword(cluster: Cluster, password: string): Promise<void> {
  const running = run(join(cluster.binaries.folder, "bin", "postgres"), ["--single", "-D", join(cluster.folder, "data"), "postgres"], {
    cwd: cluster.folder,
    env: POSTGRES_ENVIRONMENT,
    ...identity(cluster.account),
  });
  running.child.stdin?.on("error", () => undefined); // when it ends early, `running` says why
  running.child.stdin?.end(`alter role ${POSTGRES_USER} password '${password}'\n`); // the password is hexadecimal: parseCredentials
  await running.catch((cause: unknown) => {
    throw new LoopError(
      "home_not_usable",
      `The database in ${cluster.folder} could not be given the password of postgres.json. Put the postgres.json that belongs to it back.`,
      {
        facts: { folder: cluster.folder },
        cause,
      },
    );
  });
}

async function checkVersion(data: string, binaries: Binaries): Promise<void> {
  const text = await readFile(join(data, "PG_VERSION"), "utf8").catch(nullWhenAbsent);
  if (text === null) {
    throw new LoopError("home_not_usable", `${data} holds files that are not a Postgres database. Move them away, or choose another LOOP_HOME.`, {
      facts: { folder: data },
    });
  }
  const major = Number.parseInt(text, 10);
  if (major === binaries.major) return;
  throw new LoopError(
    "database_version_unsupported",
    `The database in ${data} was made by Postgres ${major}, and this Loopwright brings Postgres ${binaries.major}. Back up with the Loopwright that made it and restore here, or set DATABASE_URL to a Postgres ${major}.`,
    { facts: { folder: data, found: major, expected: binaries.major } },
  );
}

/** Leftovers of starters that were killed: `<name>.new-<process>`. */
async function removeHalfMade(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const processId = Number(/\.new-(\d+)(\.password)?$/.exec(name)?.[1] ?? 0);
    if (processId > 0 && (processId === process.pid || !(await isAlive(processId)))) {
      await rm(join(folder, name), { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }); // its initdb may still be writing
    }
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
