import { type Home, openHome } from "#src/database/home.ts";
import { firstContact } from "#src/database/first-contact.ts";
import { launchPostgres } from "#src/database/launch.ts";
import { type Db, openDatabase, requireVersion } from "#src/database/open.ts";
import { openRecord } from "#src/database/record.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { createLog, type Log } from "#src/kernel/log.ts";
import { createRedactor, type Redactor } from "#src/kernel/redaction.ts";
import { secretValues } from "#src/settings/read.ts";
import type { Settings } from "#src/settings/schema.ts";
import { programVersion } from "../program-version.ts";
import type { Context } from "../verb.ts";
import { findServer } from "./server-file.ts";

/** The record of the home, opened by this program. */
export interface OwnRecord {
  readonly db: Db;
  /** A secret: the password is in it. */
  readonly url: string;
  readonly log: Log;
  readonly home: Home;
  readonly settings: Settings;
  readonly redactor: Redactor;
  /** Migrations that ran when it was opened. */
  readonly migrated: readonly string[];
}

const POOL_SIZE = 2;
const TRANSACTION_TIMEOUT_MS = 60_000;

/**
 * For verbs that need the database itself. Beside a running server its Postgres is used and stays; without one the home is locked for the time, its tables
 * are brought up to this version (unless `migrates` is false) after a backup (unless `saves` is false), and its Postgres is started and stopped again. @throws LoopError what opening throws
 */
export async function withRecord<T>(
  context: Context,
  work: (record: OwnRecord) => Promise<T>,
  how: { readonly migrates: boolean; readonly saves?: boolean } = { migrates: true },
): Promise<T> {
  const settings = await context.settings();
  const home = await openHome(settings.homeFolder);
  const redactor = createRedactor();
  for (const value of secretValues(context.env)) redactor.learn(value);
  const log = createLog({ clock: systemClock, redactor, level: "warn", write: (line) => context.say(line.trimEnd()) });
  const opened =
    findServer(home.folder) || !how.migrates
      ? await beside(settings, home, log)
      : await alone(settings, home, { log, ...(how.saves === false ? {} : { say: context.say }) });
  try {
    return await work({ db: opened.db, url: opened.url, log, home, settings, redactor, migrated: opened.migrated });
  } finally {
    await opened.close();
  }
}

interface Opened {
  readonly db: Db;
  readonly url: string;
  readonly migrated: readonly string[];
  close(): Promise<void>;
}

async function beside(settings: Settings, home: Home, log: Log): Promise<Opened> {
  const postgres = settings.databaseUrl === undefined ? await launchPostgres({ folder: home.postgres, log }) : undefined;
  const options = { prepare: settings.preparesStatements, poolSize: POOL_SIZE, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS };
  const url = settings.databaseUrl ?? postgres!.url;
  const database = openDatabase({ url, ...options, onIdleError: () => undefined });
  await firstContact({ url, isOwn: postgres !== undefined }, () => requireVersion(database.db));
  return {
    db: database.db,
    url,
    migrated: [],
    async close() {
      await database.close();
      if (postgres && !postgres.attached) await postgres.stop();
    },
  };
}

async function alone(settings: Settings, home: Home, { log, say }: { readonly log: Log; readonly say?: (sentence: string) => void }): Promise<Opened> {
  const { workspaceFolder, secretsKeyFile } = settings;
  const record = await openRecord({
    home,
    log,
    databaseUrl: settings.databaseUrl,
    prepare: settings.preparesStatements,
    exclusive: true,
    saves: say && { workspaceFolder, secretsKeyFile, version: programVersion(), clock: systemClock, say },
    onTaken: () => undefined,
  });
  return { db: record.db, url: record.url, migrated: record.migrated, close: record.close };
}
