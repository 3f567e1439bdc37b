import { spawnSync } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { sql } from "kysely";
import { backup } from "#src/database/backup.ts";
import { openHome } from "#src/database/home.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { createSealedStore, type SealedStore } from "#src/secrets/sealed-store.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { type Case, judged } from "./harness/case.ts";
import { type Tenant, withHomes } from "./harness/homes.ts";
import type { World } from "./harness/world.ts";

const NAMES = 20;
const valueOf = (home: string, at: number): string => `plain-${home}-${at}-${"v".repeat(20)}`;

interface Sealing {
  readonly store: SealedStore;
  readonly keyFile: string;
}

async function sealInto(tenant: Tenant, name: string): Promise<Sealing> {
  const home = await openHome(tenant.folder);
  const keyFile = join(home.keys, "secrets.key");
  const store = createSealedStore({ db: tenant.db, workspaceId: home.id, keyFile });
  for (let at = 0; at < NAMES; at += 1) await store.set(`secret-${at}`, valueOf(name, at));
  for (let at = 0; at < NAMES; at += 4) await store.rotate(`secret-${at}`, valueOf(name, at));
  return { store, keyFile };
}

const opened = (store: SealedStore, name: string): Promise<string | null> =>
  store.read(name).catch((error: unknown) => (error instanceof LoopError && error.code === "secret_unavailable" ? "refused" : String(error)));

/** Everything that a hand in the database may do to a row; each must be refused. */
async function swaps(a: Tenant, b: Tenant, sealings: readonly [Sealing, Sealing]): Promise<string[]> {
  const { rows } = await sql<{ name: string; version: number; key_id: string; nonce: Buffer; ciphertext: Buffer }>`
    select name, version, key_id, nonce, ciphertext from secrets where retired_at is null order by name`.execute(b.db);
  const [first, second] = [rows[0]!, rows[1]!];
  const put = (nonce: Buffer, ciphertext: Buffer, keyId: string) =>
    sql`update secrets set nonce = ${nonce}, ciphertext = ${ciphertext}, key_id = ${keyId} where name = ${first.name} and retired_at is null`.execute(b.db);
  const flipped = (bytes: Buffer, at: number): Buffer => Buffer.from(bytes.map((byte, index) => (index === at ? byte ^ 1 : byte)));
  const { rows: theirs } = await sql<{
    nonce: Buffer;
    ciphertext: Buffer;
    key_id: string;
  }>`select nonce, ciphertext, key_id from secrets where name = ${first.name} and retired_at is null`.execute(a.db);
  const wrong: string[] = [];
  const ways: readonly (readonly [string, () => Promise<unknown>, SealedStore])[] = [
    ["another name", () => put(second.nonce, second.ciphertext, second.key_id), sealings[1].store],
    ["a changed byte", () => put(first.nonce, flipped(first.ciphertext, 0), first.key_id), sealings[1].store],
    ["a changed tag", () => put(first.nonce, flipped(first.ciphertext, first.ciphertext.length - 1), first.key_id), sealings[1].store],
    ["a changed nonce", () => put(flipped(first.nonce, 0), first.ciphertext, first.key_id), sealings[1].store],
    ["a cut tag", () => put(first.nonce, first.ciphertext.subarray(0, first.ciphertext.length - 4), first.key_id), sealings[1].store],
    ["a short nonce", () => put(first.nonce.subarray(0, 8), first.ciphertext, first.key_id), sealings[1].store],
    // even with the other home's key in hand: the home is sealed into the value
    [
      "the other home's row, with its key",
      () => put(theirs[0]!.nonce, theirs[0]!.ciphertext, theirs[0]!.key_id),
      createSealedStore({ db: b.db, workspaceId: (await openHome(b.folder)).id, keyFile: sealings[0].keyFile }),
    ],
  ];
  for (const [name, way, store] of ways) {
    await way();
    const seen = await opened(store, first.name);
    if (seen !== "refused") wrong.push(`${name}: ${String(seen).slice(0, 40)}`);
  }
  await put(first.nonce, first.ciphertext, first.key_id);
  await sql`update secrets set version = version + 100 where name = ${first.name} and retired_at is null`.execute(b.db);
  if ((await opened(sealings[1].store, first.name)) !== "refused") wrong.push("another version");
  await sql`update secrets set version = version - 100 where name = ${first.name} and retired_at is null`.execute(b.db);
  if ((await opened(sealings[1].store, first.name)) !== valueOf("bela", 0)) wrong.push("as it was: it does not open");
  return wrong;
}

/** Files under the folders in which a text stands. */
const filesWith = (text: string, folders: readonly string[]): string[] =>
  spawnSync("grep", ["-rlaF", text, ...folders], { encoding: "utf8", maxBuffer: 10_000_000 })
    .stdout.split("\n")
    .filter(Boolean);

async function backedUp(world: World, tenant: Tenant): Promise<Buffer> {
  const home = await openHome(tenant.folder);
  const out = join(world.folder, "sealed.backup");
  await backup({
    url: tenant.databaseUrl,
    home,
    workspaceFolder: tenant.workspace,
    secretsKeyFile: join(home.keys, "secrets.key"),
    out,
    version: "trial",
    log: silentLog,
    clock: systemClock,
  });
  return gunzipSync(await readFile(out));
}

export const sealedSecrets: Case = {
  id: "H-48",
  title:
    "sealed secrets: nonces that never repeat, rows that were swapped, changed or brought from another home do not open; keys changed without plaintext on any disk; database, log of writes and backup without the key give nothing",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  run: (world) =>
    withHomes(world, async ({ a, b }) => {
      const sealings = [await sealInto(a, "anna"), await sealInto(b, "bela")] as const;
      const { rows } = await sql<{
        nonce: Buffer;
        key_id: string;
        length: number;
      }>`select nonce, key_id, octet_length(ciphertext) as length from secrets where retired_at is null`.execute(b.db);
      const nonces = new Set(rows.map(({ nonce }) => nonce.toString("hex")));
      const wrong = await swaps(a, b, sealings);
      const before = rows[0]!.key_id;
      const rewrapped = await sealings[1].store.rewrap();
      const after = await Promise.all(Array.from({ length: NAMES }, (_, at) => opened(sealings[1].store, `secret-${at}`)));
      const isKept = after.every((value, at) => value === valueOf("bela", at));
      const keys = await readFile(sealings[1].keyFile, "utf8");
      const others = (await stat(sealings[1].keyFile)).mode & 0o077;
      await sql`checkpoint`.execute(b.db);
      const { log } = await world.cluster();
      const places = [dirname(log), a.folder, b.folder];
      const found = ["plain-anna-", "plain-bela-"].flatMap((text) => filesWith(text, places));
      const control = filesWith(b.canary, places).length;
      const keyless = createSealedStore({ db: b.db, workspaceId: (await openHome(b.folder)).id, keyFile: join(world.folder, "no-such.key") });
      const without = await opened(keyless, "secret-0");
      const saved = await backedUp(world, b);
      const key = keys.split("\n").find((line) => line !== "" && !line.startsWith("#"))!;
      const dump = { hasPlain: saved.includes("plain-bela-"), hasKey: saved.includes(key), hasCanary: saved.includes(b.canary) };
      for (const { store } of sealings) for (const { name } of await store.list()) await store.remove(name);
      return judged({
        reached: NAMES * 2 + 9 + rows.length,
        wanted: 60,
        figure: `${NAMES} secrets in each of two homes: ${nonces.size} nonces of ${rows[0]!.nonce.length} bytes; ${9 - wrong.length} of 9 changes refused; a new key ${rewrapped.keyId === before ? "NOT " : ""}in force, all values ${isKept ? "kept" : "LOST"}; plaintext in ${found.length} files of Postgres and homes (a known text is found in ${control}); a backup has ${dump.hasPlain || dump.hasKey ? "A SECRET" : "none"}; without the key: ${without}${wrong.length + found.length > 0 ? `: ${[...wrong, ...found].slice(0, 4).join(" | ")}` : ""}`,
        conditions: {
          "every nonce is new": nonces.size === NAMES && rows.every(({ nonce, length }) => nonce.length === 12 && length > 16),
          "no changed row opens": wrong.length === 0,
          "rewrapped without loss": rewrapped.secrets === NAMES && rewrapped.keyId !== before && isKept,
          "no plaintext on disk": found.length === 0 && control > 0,
          "the key is not in the database, and its file is the account's own": others === 0 && filesWith(key, [dirname(log)]).length === 0,
          "a dump without the key has nothing": !dump.hasPlain && !dump.hasKey && dump.hasCanary && without === "refused",
        },
      });
    }),
};
