import { withRecord } from "../server/own-record.ts";
import { findServer } from "../server/server-file.ts";
import type { Verb } from "../verb.ts";

export const databaseMigrate: Verb = {
  args: "",
  flags: { "without-backup": { means: "where the database is saved by other means" } },
  words: { least: 0, most: 0 },
  about:
    "A server does the same at its start: tables of an older version are backed up into the folder backups of the home, then changed. Run it alone to see that it works before a new version serves.",
  examples: ["loop migrate", "loop migrate --without-backup"],
  async run(given, context) {
    const server = findServer(context.homeFolder());
    if (server) {
      return context.print(
        context.json
          ? JSON.stringify({ migrated: [], servedBy: server.processId })
          : `The server of this home (process ${server.processId}) brought the tables up to its version when it started. For a new version: loop down, loop migrate, loop up.`,
      );
    }
    const migrated = await withRecord(context, (record) => Promise.resolve(record.migrated), {
      migrates: true,
      saves: !given.has("without-backup"),
    });
    if (context.json) context.print(JSON.stringify({ migrated }));
    else context.print(migrated.length === 0 ? "Nothing to do: the tables are those of this version." : `Done: ${migrated.join(", ")}.`);
  },
};
