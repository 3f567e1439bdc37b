import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createGunzip, gzipSync } from "node:zlib";
import { Readable } from "node:stream";
import { backup } from "#src/database/backup.ts";
import { readTar, TAR_END, type TarEntry, tarHeader, tarPadding } from "#src/database/backup-tar.ts";
import { openHome } from "#src/database/home.ts";
import { restore } from "#src/database/restore.ts";
import { verifyJournal } from "#src/journal/verify.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { type Case, judged } from "./harness/case.ts";
import type { World } from "./harness/world.ts";

interface Part extends TarEntry {
  readonly bytes: Buffer;
}

/** One archive under the hand of somebody hostile, who can make the list of digests at its end agree with whatever is put in. */
async function partsOf(file: string): Promise<Part[]> {
  const parts: Part[] = [];
  for await (const entry of readTar(Readable.from([await readFile(file)]).pipe(createGunzip()))) {
    const pieces: Buffer[] = [];
    for await (const piece of entry.bytes()) pieces.push(piece);
    parts.push({ name: entry.name, kind: entry.kind, sizeBytes: entry.sizeBytes, isExecutable: entry.isExecutable, bytes: Buffer.concat(pieces) });
  }
  return parts;
}

const fileOf = (name: string, text: string, isExecutable = false): Part => ({
  name,
  kind: "file",
  sizeBytes: Buffer.byteLength(text),
  isExecutable,
  bytes: Buffer.from(text),
});

/** `change` gets the header as it would be written, to make something else of it. */
interface Evil {
  readonly name: string;
  readonly parts: readonly Part[];
  readonly change?: (header: Buffer) => Buffer;
}

const checksummed = (header: Buffer): Buffer => {
  const at = header.length - 512; // the last block is that of the entry itself
  header.write("        ", at + 148, "latin1");
  const sum = header.subarray(at).reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148, "latin1");
  return header;
};

/** Another type of entry, with the place that it points to. */
const typed =
  (type: string, target = "") =>
  (header: Buffer): Buffer => {
    const at = header.length - 512;
    header.write(type, at + 156, "latin1");
    header.write(target.padEnd(100, "\0"), at + 157, "latin1");
    return checksummed(header);
  };

function written(parts: readonly Part[], evil: Evil): Buffer {
  const end = parts.findIndex(({ name }) => name === "manifest.json");
  const manifest = JSON.parse(parts[end]!.bytes.toString("utf8")) as { files: { path: string; sizeBytes: number; sha256: string }[] };
  const inside = evil.parts.filter(({ kind, name }) => kind === "file" && name.startsWith("workspace/"));
  const digests = inside.map(({ name, bytes }) => ({
    path: name.slice("workspace/".length),
    sizeBytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  }));
  const text = JSON.stringify({ ...manifest, files: [...manifest.files, ...digests] });
  const all = [
    ...parts.slice(0, end).map((part) => ({ part, isEvil: false })),
    ...evil.parts.map((part) => ({ part, isEvil: true })),
    { part: fileOf("manifest.json", text), isEvil: false },
  ];
  const pieces = all.flatMap(({ part, isEvil }) => {
    const header = tarHeader(part);
    return [isEvil && evil.change ? evil.change(header) : header, part.bytes, tarPadding(part.bytes.length)];
  });
  return gzipSync(Buffer.concat([...pieces, TAR_END]), { level: 1 });
}

const W = "workspace/";
const named = (name: string): Evil => ({
  name: JSON.stringify(name.length > 60 ? `${name.slice(0, 20)}… of ${name.length}` : name),
  parts: [fileOf(W + name, "evil")],
});
const EVIL_NAMES = [
  "../evil",
  "../../evil",
  "a/../../evil",
  "a/../../../../../../tmp/evil",
  "/evil",
  "//evil",
  "/tmp/evil",
  "./evil",
  ".",
  "..",
  "",
  "a//evil",
  "a/./evil",
  "a/..",

  "a\\..\\..\\evil",
  "C:\\evil",
  "\\\\host\\evil",
  "evil\u0000.md",
  "evil\nname",
  "evil\u001b[2J",
  `${"x".repeat(300)}/evil`,
  `${"d/".repeat(2_048)}evil`,
  "x".repeat(4_096),
  "evil\ufffd",

  ".git/hooks/post-commit",
  ".git/hooks/evil",
  ".GIT/hooks/post-checkout",
  "node_modules/evil/index.js",
];

const EVILS: readonly Evil[] = [
  ...EVIL_NAMES.map(named),
  { name: "a symbolic link out", parts: [fileOf(`${W}evil`, "")], change: typed("2", "/etc") },
  { name: "a hard link out", parts: [fileOf(`${W}evil`, "")], change: typed("1", "/etc/passwd") },
  { name: "a device", parts: [fileOf(`${W}evil`, "")], change: typed("3") },
  { name: "a block device", parts: [fileOf(`${W}evil`, "")], change: typed("4") },
  { name: "a pipe", parts: [fileOf(`${W}evil`, "")], change: typed("6") },
  { name: "a long name as GNU has it", parts: [fileOf(`${W}evil`, "../../evil")], change: typed("L") },
  { name: "a header for all entries", parts: [fileOf(`${W}evil`, "20 path=../../evil\n")], change: typed("g") },
  { name: "a sparse file", parts: [fileOf(`${W}evil`, "x")], change: typed("S") },
  { name: "a wrong sum", parts: [fileOf(`${W}evil`, "x")], change: (header) => (header.write("000000\0 ", header.length - 512 + 148, "latin1"), header) },
  {
    name: "a negative size",
    parts: [fileOf(`${W}evil`, "x")],
    change: (header) => (header.write("-0000000001\0", header.length - 512 + 124, "latin1"), checksummed(header)),
  },
  { name: "the same file twice", parts: [fileOf(`${W}evil`, "1"), fileOf(`${W}evil`, "2")] },
  { name: "a file, then a folder through it", parts: [fileOf(`${W}evil`, "1"), fileOf(`${W}evil/inner`, "2")] },
  { name: "a folder that leads out", parts: [{ name: `${W}../evil/`, kind: "folder", sizeBytes: 0, isExecutable: false, bytes: Buffer.alloc(0) }] },
  { name: "outside of every part", parts: [fileOf("../evil", "x")] },
  { name: "a table that nobody has", parts: [fileOf("tables/public.evil/1", "x")] },
  { name: "a second head", parts: [fileOf("head.json", "{}")] },
];

/** Twins by case or by form: on this disk they are two files; on one that takes them for one they are refused. */
const TWINS: Evil = {
  name: "twins",
  parts: [fileOf(`${W}Twin.md`, "1"), fileOf(`${W}twin.md`, "2"), fileOf(`${W}caf\u00e9.md`, "3"), fileOf(`${W}cafe\u0301.md`, "4")],
};

async function tried(world: World, { file, url }: { file: string; url?: string }, name: string): Promise<{ outcome: string; folder: string }> {
  const folder = join(world.folder, "into", name);
  const home = await openHome(join(folder, "home"));
  const outcome = await restore({
    file,
    url: url ?? (await world.database({ empty: true })).url,
    home,
    workspaceFolder: join(folder, "workspace"),
    secretsKeyFile: join(home.keys, "secrets.key"),
    keys: "leave",
    log: silentLog,
    verifyJournal: (db) => verifyJournal(db),
  }).then(
    () => "restored",
    (error: unknown) => (error instanceof LoopError ? error.code : `a bug: ${String(error)}`),
  );
  return { outcome, folder };
}

export const archives: Case = {
  id: "H-08",
  title:
    "backups whose archive has names that lead out, links, devices, NUL, 4 KiB, twins, hooks, double and broken entries, with digests that agree: refused, and nothing outside the place to restore into, nor left in it",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  async run(world) {
    const database = await world.database();
    const from = await openHome(join(world.folder, "from"));
    const workspaceFolder = join(world.folder, "workspace");
    await mkdir(join(workspaceFolder, "goals"), { recursive: true });
    await writeFile(join(workspaceFolder, "PLAYBOOK.md"), "# as it is\n");
    const out = join(world.folder, "sound.backup");
    await backup({
      url: database.url,
      home: from,
      workspaceFolder,
      secretsKeyFile: join(from.keys, "secrets.key"),
      out,
      version: "trial",
      log: silentLog,
      clock: systemClock,
    });
    const parts = await partsOf(out);
    const file = join(world.folder, "hostile.backup");
    const wrong: string[] = [];
    const refusing = await world.database({ empty: true }); // stays so: nothing of them comes in
    for (const [at, evil] of EVILS.entries()) {
      await writeFile(file, written(parts, evil));
      const { outcome, folder } = await tried(world, { file, url: refusing.url }, String(at));
      const left = (await readdir(folder)).filter((name) => name !== "home");
      if (outcome !== "backup_invalid") wrong.push(`${evil.name}: ${outcome}`);
      if (left.length > 0) wrong.push(`${evil.name} left ${left.join(", ")}`);
    }
    await writeFile(file, written(parts, TWINS));
    const twins = await tried(world, { file }, "twins");
    const seen = await readdir(join(twins.folder, "workspace")).catch(() => []);
    const escaped = (await readdir(world.folder, { recursive: true })).filter((name) => /(^|\/)evil/.test(name));
    const sound = await tried(world, { file: out }, "sound");
    const text = await readFile(join(sound.folder, "workspace", "PLAYBOOK.md"), "utf8").catch(() => "");
    const areTwinsInside = twins.outcome === "restored" ? seen.filter((name) => /twin|caf/i.test(name)).length === 4 : twins.outcome === "backup_invalid";
    return judged({
      reached: EVILS.length + 1,
      wanted: 45,
      figure: `${EVILS.length} hostile archives with digests that agree, ${wrong.length} not refused or not undone, ${escaped.length} files outside; twins ${twins.outcome}; the sound one ${sound.outcome}${wrong.length > 0 ? `: ${wrong.slice(0, 6).join(" | ")}` : ""}`,
      conditions: {
        "all refused, nothing left": wrong.length === 0,
        "nothing outside": escaped.length === 0,
        "twins stay two, inside": areTwinsInside,
        "the sound one is restored": sound.outcome === "restored" && text === "# as it is\n",
      },
    });
  },
};
