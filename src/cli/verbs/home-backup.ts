import { isAbsolute, resolve } from "node:path";
import { backup, type BackupOptions, type BackupProgress } from "#src/database/backup.ts";
import { backupsOf } from "#src/database/record.ts";
import { upgrade } from "#src/database/upgrade.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { outlivingReaders, quoted } from "../context.ts";
import { programVersion } from "../program-version.ts";
import { readHidden } from "../server/hidden-input.ts";
import { type OwnRecord, withRecord } from "../server/own-record.ts";
import type { Context, Given, Verb } from "../verb.ts";

const KEYS_FLAG = { keys: { means: "the keys too, sealed with a passphrase that is read from standard input" } } as const;
const SAY_EVERY_BYTES = 50_000_000;

export const homeBackup: Verb = {
  args: "<file>",
  flags: KEYS_FLAG,
  words: { least: 1, most: 1 },
  about:
    "Everything of this home as of one moment: record, workspace and, with --keys, keys. The server may be at work. Without the keys a restored home cannot open its sealed secrets, and signs with a new key.",
  examples: ["loop backup home.loopwright-backup", "loop backup home.loopwright-backup --keys < passphrase.txt"],
  async run(given, caller) {
    const context = outlivingReaders(caller); // what tells of it may end, and the backup goes on
    const file = given.words[0]!;
    const out = isAbsolute(file) ? file : resolve(file);
    const passphrase = await passphraseFor(given);
    const manifest = await withRecord(context, (record) => backup({ ...optionsOf(record, context), out, ...passphrase }));
    const rows = manifest.digests.reduce((sum, table) => sum + table.rows, 0);
    if (context.json) context.print(JSON.stringify({ file: out, ...manifest }));
    else
      context.print(
        `Backed up: ${rows} rows of ${manifest.tables.length} tables, keys ${manifest.keys}. ${out}\nTry it: LOOP_HOME=<a new folder> ${context.command().split(" ").at(-1)} restore ${quoted(out)}`,
      );
  },
};

export const homeUpgrade: Verb = {
  args: "",
  flags: KEYS_FLAG,
  words: { least: 0, most: 0 },
  about: "Backs up into the folder backups of the home, then brings the tables up to this version. The way back is in docs/upgrade.md. Stop the server first.",
  examples: ["loop down && loop upgrade && loop up"],
  async run(given, caller) {
    const context = outlivingReaders(caller);
    const passphrase = await passphraseFor(given);
    const upgraded = await withRecord(
      context,
      (record) => upgrade({ ...optionsOf(record, context), ...passphrase, db: record.db, backupFolder: backupsOf(record.home) }),
      { migrates: false },
    );
    if (context.json) context.print(JSON.stringify(upgraded));
    else if (upgraded.ran.length === 0) context.print("Nothing to do: the tables are those of this version.");
    else
      context.print(`Done: ${upgraded.ran.join(", ")}.${upgraded.backupFile === undefined ? "" : `\nThe way back: ${upgraded.backupFile} (docs/upgrade.md)`}`);
  },
};

async function passphraseFor(given: Given): Promise<{ readonly passphrase?: string }> {
  return given.has("keys") ? { passphrase: await readHidden("Passphrase for the keys") } : {};
}

function optionsOf(record: OwnRecord, context: Context): Omit<BackupOptions, "out"> {
  const { url, home, settings, log } = record;
  return {
    url,
    home,
    workspaceFolder: settings.workspaceFolder,
    secretsKeyFile: settings.secretsKeyFile,
    version: programVersion(),
    log,
    clock: systemClock,
    onProgress: progressTo(context),
  };
}

/** A line for each part and for each 50 MB of it, to standard error. */
export function progressTo(context: Pick<Context, "say">): (progress: BackupProgress) => void {
  let said = "";
  return ({ part, doneBytes }) => {
    const line = `${part}${doneBytes > SAY_EVERY_BYTES ? `, ${Math.floor(doneBytes / SAY_EVERY_BYTES) * 50} MB in all` : ""}`;
    if (line !== said) context.say(line);
    said = line;
  };
}
