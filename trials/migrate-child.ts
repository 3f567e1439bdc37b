import pg from "pg";
import { LoopError } from "#src/kernel/errors.ts";
import { migrate } from "#src/database/migrate.ts";
import { openDatabase } from "#src/database/open.ts";
import { say } from "./harness/in-child.ts";

/*
 * Migrates a database and dies at the n-th message to the server: before it is sent, or as soon as it is sent, so that the server is in the middle of it.
 * n = 0 lives, and says how many messages there are.
 */

const [url, at, when] = process.argv.slice(2) as [string, string, "before" | "after"];
const killAt = Number(at);
let sent = 0;

/** Statements without parameters go by `query`, those with parameters by `parse`. */
for (const message of ["query", "parse"] as const) {
  const send = pg.Connection.prototype[message] as (...given: unknown[]) => void;
  pg.Connection.prototype[message] = function (this: pg.Connection, ...given: unknown[]) {
    sent += 1;
    if (sent === killAt && when === "before") process.kill(process.pid, "SIGKILL");
    send.apply(this, given);
    if (sent === killAt) setImmediate(() => setImmediate(() => process.kill(process.pid, "SIGKILL")));
  };
}

const database = openDatabase({ url, poolSize: 2, prepare: false, transactionTimeoutMs: 30_000, onIdleError: () => undefined });
try {
  const { ran } = await migrate(database.db);
  say("migrated", { ran, sent });
} catch (error) {
  say("failed", { code: error instanceof LoopError ? error.code : "bug", message: error instanceof Error ? error.message : String(error) });
}
await database.close();
