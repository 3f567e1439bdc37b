import { hostname } from "node:os";
import { exportJournal } from "#src/journal/export.ts";
import { openSigner } from "#src/journal/signing.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { UsageError } from "../arguments.ts";
import { quoted } from "../context.ts";
import { openNew } from "../new-file.ts";
import { type OwnRecord, withRecord } from "../server/own-record.ts";
import type { Given, Verb } from "../verb.ts";

export const auditExport: Verb = {
  args: "<file>",
  flags: {
    from: { takes: "text", value: "position", means: "the first event; left out: the first there is" },
    to: { takes: "text", value: "position", means: "the last event; left out: the last that is sealed" },
  },
  words: { least: 1, most: 1 },
  about: "The file holds the events, the seals and the public keys, and is signed as a whole. It is never written over an existing one.",
  examples: ["loop audit export journal.jsonl", "loop audit verify journal.jsonl"],
  async run(given, context) {
    const file = given.words[0]!;
    const range = { ...position(given, "from"), ...position(given, "to") };
    const exported = await withRecord(context, (record) => writeExport(record, file, range));
    if (context.json) context.print(JSON.stringify({ file, ...exported }));
    else
      context.print(
        `${exported.count} events (${exported.from} to ${exported.to}) in ${file}. Anyone who has our key can check it: ${context.command()} audit verify ${quoted(file)}`,
      );
  },
};

function position(given: Given, flag: "from" | "to"): { readonly from?: number; readonly to?: number } {
  const text = given.text(flag);
  if (text === undefined) return {};
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`--${flag} got ${JSON.stringify(text.slice(0, 40))}. Expected a position: a whole number.`);
  return { [flag]: Number(text) };
}

async function writeExport({ db, home }: OwnRecord, file: string, range: { readonly from?: number; readonly to?: number }) {
  const signer = await openSigner({ keyFolder: home.keys, db, host: hostname() });
  const { workspace } = await createWorkspaceView(db).current();
  const handle = await openNew(file);
  try {
    const exported = await exportJournal(db, { workspace: workspace.manifest.name, signer, ...range }, async (lines) => void (await handle.write(lines)));
    await handle.sync();
    return exported;
  } finally {
    await handle.close();
  }
}
