import { resolve } from "node:path";
import { openHome } from "#src/database/home.ts";
import { launchPostgres } from "#src/database/launch.ts";
import { verifyBackup } from "#src/database/backup-read.ts";
import { restore } from "#src/database/restore.ts";
import { verifyJournal } from "#src/journal/verify.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { createLog } from "#src/kernel/log.ts";
import { createRedactor } from "#src/kernel/redaction.ts";
import { secretValues } from "#src/settings/read.ts";
import { readHidden } from "../server/hidden-input.ts";
import { outlivingReaders } from "../context.ts";
import type { Verb } from "../verb.ts";
import { progressTo } from "./home-backup.ts";

export const homeRestore: Verb = {
  args: "<file>",
  flags: { "without-keys": { means: "leave the keys of the backup behind: no passphrase is asked" } },
  words: { least: 1, most: 1 },
  about:
    "Into an empty home (LOOP_HOME) and an empty database, all of it or nothing; checked against the backup, the journal recomputed. The home that it was taken from must not go on.",
  examples: ["LOOP_HOME=/srv/loopwright-new loop restore home.loopwright-backup"],
  async run(given, caller) {
    const context = outlivingReaders(caller);
    const settings = await context.settings();
    const file = resolve(given.words[0]!);
    const { keys: kept } = await verifyBackup(file);
    const keys = given.has("without-keys") || kept === "left out" ? "leave" : { passphrase: await readHidden("Passphrase of the keys") };
    const home = await openHome(settings.homeFolder);
    const redactor = createRedactor();
    for (const value of secretValues(context.env)) redactor.learn(value);
    const log = createLog({ clock: systemClock, redactor, level: "warn", write: (line) => context.say(line.trimEnd()) });
    const postgres = settings.databaseUrl === undefined ? await launchPostgres({ folder: home.postgres, log }) : undefined;
    try {
      const options = {
        file,
        url: settings.databaseUrl ?? postgres!.url,
        home,
        workspaceFolder: settings.workspaceFolder,
        secretsKeyFile: settings.secretsKeyFile,
      };
      const restored = await restore({ ...options, keys, log, verifyJournal, onProgress: progressTo(context) });
      if (context.json) context.print(JSON.stringify(restored));
      else
        context.print(
          `Restored into ${home.folder}: the journal is sound, keys ${restored.keys}.${restored.migrated.length === 0 ? "" : ` Brought up to this version: ${restored.migrated.join(", ")}.`}\nStart it: ${context.command()} up`,
        );
    } finally {
      await postgres?.stop();
    }
  },
};
