import { systemClock } from "#src/kernel/clock.ts";
import { ensureOwner } from "#src/people/owner.ts";
import { journaled } from "#src/secrets/journaled.ts";
import { createSealedStore, type SealedStore } from "#src/secrets/sealed-store.ts";
import { readHidden } from "../server/hidden-input.ts";
import { type OwnRecord, withRecord } from "../server/own-record.ts";
import type { Context, Verb } from "../verb.ts";

/** The store of this home, with every change in the journal. */
async function withStore<T>(context: Context, work: (store: SealedStore) => Promise<T>): Promise<T> {
  return withRecord(context, async (record: OwnRecord) => {
    const { principal } = await ensureOwner(record.db, systemClock);
    const store = createSealedStore({
      db: record.db,
      workspaceId: record.home.id,
      keyFile: record.settings.secretsKeyFile,
      record: journaled(systemClock, { actor: principal.id, face: "cli" }),
    });
    return work(store);
  });
}

export const secretList: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  examples: ["loop secrets list"],
  async run(_given, context) {
    const secrets = await withStore(context, (store) => store.list());
    if (context.json) return context.print(JSON.stringify({ secrets }));
    context.print(
      secrets.length === 0
        ? "No secret is sealed here. `loop secrets set <name>` seals one."
        : secrets.map(({ name, version }) => `${name}  version ${version}`).join("\n"),
    );
  },
};

const writing = (how: "set" | "rotate"): Verb => ({
  args: "<name>",
  flags: {},
  words: { least: 1, most: 1 },
  about: "The value is read from standard input, or asked for without being shown. It is never an argument: those can be seen by others.",
  examples: [`loop secrets ${how} wifi-admin < value.txt`, `loop secrets ${how} wifi-admin`],
  async run(given, context) {
    const name = given.words[0]!;
    const value = await readHidden(`Value of ${name}`);
    const version = await withStore(context, (store) => store[how](name, value));
    context.print(context.json ? JSON.stringify({ name, version }) : `Sealed: ${name}, version ${version}. Use it as secret:${name}.`);
  },
});

export const secretSet = writing("set");
export const secretRotate = writing("rotate");

export const secretRemove: Verb = {
  args: "<name>",
  flags: {},
  words: { least: 1, most: 1 },
  examples: ["loop secrets rm wifi-admin"],
  async run(given, context) {
    const name = given.words[0]!;
    await withStore(context, (store) => store.remove(name));
    context.print(context.json ? JSON.stringify({ name, removed: true }) : `Removed: ${name}.`);
  },
};
