import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { LoopError } from "#src/kernel/errors.ts";
import type { Log } from "#src/kernel/log.ts";
import { cannotUse, chooseAccount, prepareFolder } from "./postgres-account.ts";
import { askServer } from "./postgres-answer.ts";
import { findBinaries, usableBinaries } from "./postgres-binaries.ts";
import { type Cluster, type Credentials, POSTGRES_USER, requireCredentials, requireData, resetPassword, savePort } from "./postgres-cluster.ts";
import { isAlive, type Mark, markOf } from "./postgres-liveness.ts";
import { limitLog } from "./postgres-log.ts";
import { freePort, readPostmaster, startPostmaster, stopPostmaster } from "./postgres-process.ts";
import { takeTurn } from "./postgres-turn.ts";

export interface PostgresOptions {
  /** Absolute; holds data/, postgres.json, postgres.log and, where npm's folder cannot be used, a copy of the binaries. */
  readonly folder: string;
  readonly log: Log;
  /** Default true. Only tests, whose data may be lost, pass false. */
  readonly fsync?: boolean;
  /** Default 120. */
  readonly maxConnections?: number;
}

export interface PostgresServer {
  /** postgres://loop:<password>@127.0.0.1:<port>/loopwright: a secret. */
  readonly url: string;
  /** A postmaster left by an earlier server was found running and is used again, with the settings it was started with. */
  readonly attached: boolean;
  readonly version: string;
  readonly processId: number;
  /** Fast shutdown; gives back when the process is gone. Safe to call twice. */
  stop(): Promise<void>;
}

interface Site {
  readonly options: PostgresOptions;
  readonly cluster: Cluster;
  readonly credentials: Credentials;
}

/** A server that takes connections. */
interface Running {
  readonly process: Mark;
  readonly port: number;
  readonly version: string;
  readonly attached: boolean;
}

const OLD_POSTMASTER_LIMIT_MS = 30_000;
const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1_000;
const PORT_TRIES = 10;

/**
 * Starts the Postgres of this home, or takes the one that an earlier server left running. It outlives this process: only `stop` ends it.
 * @throws LoopError postgres_missing | home_not_usable | database_unavailable | database_version_unsupported | home_in_use | storage_full
 */
export async function launchPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { folder, log } = options;
  try {
    const found = await findBinaries();
    const account = await chooseAccount(folder);
    await prepareFolder(folder, account);
    return await takeTurn(folder, async () => {
      const binaries = await usableBinaries(found, { folder, account });
      const credentials = await requireCredentials(folder);
      const cluster = { folder, account, binaries, fsync: options.fsync ?? true };
      await requireData(cluster, credentials.password);
      const site = { options, cluster, credentials };
      const running = await bringUp(site);
      log.info(running.attached ? "attached to a running database" : "database started", {
        folder,
        processId: running.process.processId,
        version: running.version,
      });
      return serverOf(site, running);
    });
  } catch (cause) {
    throw cannotUse(folder, cause);
  }
}

function serverOf(site: Site, running: Running): PostgresServer {
  const { folder, log } = site.options;
  const stopLimiting = limitLog(folder, log);
  let stopped: Promise<void> | undefined;
  return {
    url: address(site, running.port),
    attached: running.attached,
    version: running.version,
    processId: running.process.processId,
    stop() {
      stopLimiting();
      stopped ??= stopPostmaster(running.process);
      return stopped;
    },
  };
}

type Attempt = { kind: "running"; running: Running } | { kind: "absent" | "busy" | "port_taken" | "old_postmaster" } | { kind: "refused"; cause: unknown };

/** Attach, or start; again while an old postmaster is on its way out or not collected yet. Whether one still holds the data is Postgres' own decision. */
async function bringUp(site: Site): Promise<Running> {
  const deadline = performance.now() + OLD_POSTMASTER_LIMIT_MS;
  let portTries = 0;
  let passwordResets = 0;
  let retryMs = FIRST_RETRY_MS;
  let attached: Attempt = { kind: "absent" };
  while (performance.now() < deadline) {
    attached = await attach(site);
    if (attached.kind === "running") return attached.running;
    const started = attached.kind === "busy" ? attached : await start(site, portTries);
    if (started.kind === "running") return started.running;
    if (started.kind === "old_postmaster" && attached.kind === "refused") throw passwordRefused(site, attached.cause);
    if (started.kind === "port_taken" && portTries++ < PORT_TRIES) continue;
    if (started.kind === "refused") {
      if (passwordResets++ > 0) throw passwordRefused(site, started.cause);
      await renewPassword(site);
      continue;
    }
    await pause(retryMs);
    retryMs = Math.min(retryMs * 1.5, LAST_RETRY_MS);
  }
  throw await stuck(site, attached);
}

/** The data is ours, yet not with this password: postgres.json was lost and made anew. */
async function renewPassword({ options, cluster, credentials }: Site): Promise<void> {
  options.log.warn("postgres.json did not belong to the data; the database gets its password", { folder: options.folder });
  await resetPassword(cluster, credentials.password);
}

async function attach(site: Site): Promise<Attempt> {
  const data = join(site.options.folder, "data");
  const postmaster = await readPostmaster(data);
  if (postmaster === null || postmaster.port === 0 || !(await isAlive(postmaster.processId))) return { kind: "absent" };
  const answer = await askServer(address(site, postmaster.port), data);
  if (answer.kind !== "ready") return answer;
  return { kind: "running", running: { process: await markOf(postmaster.processId), port: postmaster.port, version: answer.version, attached: true } };
}

async function start(site: Site, portTries: number): Promise<Attempt> {
  const { folder, fsync = true, maxConnections = 120 } = site.options;
  const { account, binaries } = site.cluster;
  const port = portTries === 0 && site.credentials.port > 0 ? site.credentials.port : await freePort();
  const started = await startPostmaster({ folder, binariesFolder: binaries.folder, account, settings: { port, fsync, maxConnections } });
  if (started.kind !== "ready") return started;
  const postmaster = await markOf(started.postmaster.processId);
  let kept = false;
  try {
    const answer = await askServer(address(site, port), join(folder, "data"));
    if (answer.kind === "refused") return answer;
    if (answer.kind !== "ready") throw noAnswer(site);
    if (port !== site.credentials.port) await savePort(folder, { ...site.credentials, port });
    kept = true;
    return { kind: "running", running: { process: postmaster, port, version: answer.version, attached: false } };
  } finally {
    if (!kept) await stopPostmaster(postmaster);
  }
}

const address = ({ credentials }: Site, port: number) => `postgres://${POSTGRES_USER}:${credentials.password}@127.0.0.1:${port}/loopwright`;

const passwordRefused = ({ options: { folder } }: Site, cause: unknown) =>
  new LoopError(
    "home_not_usable",
    `The Postgres of ${folder} refuses the password in ${join(folder, "postgres.json")}. Put the postgres.json that belongs to this data back.`,
    {
      facts: { folder },
      cause,
    },
  );

const noAnswer = ({ options: { folder } }: Site) =>
  new LoopError("database_unavailable", `Postgres started but takes no connections. See ${join(folder, "postgres.log")}.`, { facts: { folder } });

async function stuck({ options: { folder } }: Site, last: Attempt): Promise<LoopError> {
  const path = join(folder, "data", "postmaster.pid");
  const processId = (await readPostmaster(join(folder, "data")))?.processId ?? 0;
  const facts = { folder, processId };
  const seen = `${OLD_POSTMASTER_LIMIT_MS / 1_000} s were not enough for the old Postgres of ${folder} (process ${processId}, named in ${path}) to`;
  if (last.kind === "busy") {
    return new LoopError("database_unavailable", `${seen} finish starting or stopping. Start again in a while; postgres.log is beside the data.`, { facts });
  }
  if (!(await isAlive(processId))) {
    const advice =
      "It has ended, but a query of it still runs or its parent has not collected it: end those, or in a container run an init process (docker run --init).";
    return new LoopError("home_in_use", `${seen} go away. ${advice} Then start again.`, { facts });
  }
  return new LoopError("home_in_use", `${seen} answer. End it if it is a Postgres; if it is something else, remove that file. Then start again.`, { facts });
}
