import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import { heldClock } from "#src/testing/held-clock.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { testDatabase } from "#src/testing/database.ts";
import { backup } from "./backup.ts";
import type { BackupManifest } from "./backup-format.ts";
import { verifyBackup } from "./backup-read.ts";
import { readTar, TAR_END, tarHeader, tarPadding } from "./backup-tar.ts";
import { openHome } from "./home.ts";
import { writeEntry } from "./restore-files.ts";

const LIMIT = { timeout: 60_000 };

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-backup-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

interface Made {
  readonly folder: string;
  readonly file: string;
  readonly manifest: BackupManifest;
}

async function made(t: TestContext, files: Readonly<Record<string, string>> = { "loop.yaml": "name: a\n" }): Promise<Made> {
  const folder = await temporaryFolder(t);
  const { url } = await testDatabase(t);
  const home = await openHome(join(folder, "home"));
  const workspaceFolder = join(folder, "workspace");
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(workspaceFolder, path, ".."), { recursive: true });
    await writeFile(join(workspaceFolder, path), text);
  }
  await mkdir(join(workspaceFolder, "node_modules"), { recursive: true });
  await symlink("/etc/passwd", join(workspaceFolder, "outside"));
  await symlink("loop.yaml", join(workspaceFolder, "alias.yaml"));
  const file = join(folder, "a.loopwright-backup");
  const manifest = await backup({
    url,
    home,
    workspaceFolder,
    secretsKeyFile: join(home.keys, "secrets.key"),
    out: file,
    version: "0.1.0",
    log: silentLog,
    clock: heldClock(),
  });
  return { folder, file, manifest };
}

const LONG = `${"a-long-name/".repeat(20)}é.md`;

test("a backup is a tar that everybody's tar can list, says what it left out, and verifies", LIMIT, async (t) => {
  const { folder, file, manifest } = await made(t, {
    "loop.yaml": "name: a\n",
    [LONG]: "deep",
    ".git/refs/x.lock": "",
    ".git/HEAD": "ref",
    ".git/hooks/post-merge": "#!/bin/sh",
  });
  assert.deepEqual(manifest.skipped, ["outside: a link that leads out of the workspace or nowhere"]);
  assert.deepEqual(
    manifest.files.map(({ path }) => path),
    [".git/HEAD", LONG, "alias.yaml", "loop.yaml"].toSorted(),
  );
  assert.deepEqual(await verifyBackup(file), manifest);
  const { stdout } = await promisify(execFile)("tar", ["-tzf", file]);
  const names = stdout.split("\n");
  assert.ok(names.includes(`workspace/${LONG}`) && names.includes("head.json") && names.at(-2) === "manifest.json");
  assert.deepEqual((await readdir(folder)).toSorted(), ["a.loopwright-backup", "home", "workspace"]);
});

test("a backup that is cut off anywhere or has one bit turned is refused", LIMIT, async (t) => {
  const { folder, file } = await made(t);
  const whole = await readFile(file);
  const plain = gunzipSync(whole);
  const other = join(folder, "other");
  const refused = async (bytes: Buffer): Promise<void> => {
    await writeFile(other, bytes);
    await assert.rejects(verifyBackup(other), { code: "backup_invalid" });
  };
  for (let part = 0; part < 1; part += 0.09) await refused(whole.subarray(0, Math.floor(whole.length * part)));
  await refused(whole.subarray(0, -1));
  for (let part = 0.05; part < 1; part += 0.09) {
    const turned = Buffer.from(whole);
    turned[Math.floor(turned.length * part)]! ^= 1;
    if (!unpacksTo(turned, plain)) await refused(turned);
  }
  for (const marker of ['"blobs"', "name: a", "0001_time"]) {
    const at = plain.lastIndexOf(marker);
    assert.notEqual(at, -1, marker);
    const changed = Buffer.from(plain);
    changed[at + marker.length - 2]! ^= 1;
    await refused(gzipSync(changed));
  }
  await refused(gzipSync(Buffer.concat([plain, Buffer.from("more")])));
  await refused(Buffer.from("not a backup at all"));
  await assert.rejects(verifyBackup(join(folder, "none")), { code: "input_invalid", message: /ENOENT/ });
});

/** About one turned bit in two hundred makes the packer's note "as it stood there" point at another place with the same bytes: nothing was lost then. */
function unpacksTo(packed: Buffer, plain: Buffer): boolean {
  try {
    return gunzipSync(packed).equals(plain);
  } catch {
    return false;
  }
}

interface Planted {
  readonly entry: Buffer;
  /** In the workspace, as the reader would have it. The manifest lists it, so that nothing but its name or kind is wrong. */
  readonly path?: string;
}

const EMPTY_SHA256 = createHash("sha256").digest("hex");

/** The archive again, with one more empty entry before its manifest. */
async function withEntry(file: string, { entry: planted, path }: Planted): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const chunks = (async function* () {
    yield gunzipSync(await readFile(file));
  })();
  for await (const entry of readTar(chunks)) {
    const read: Buffer[] = [];
    for await (const piece of entry.bytes()) read.push(Buffer.from(piece));
    const isManifest = entry.name === "manifest.json";
    const bytes = isManifest ? listing(Buffer.concat(read), path) : Buffer.concat(read);
    pieces.push(...(isManifest ? [planted] : []), tarHeader({ ...entry, sizeBytes: bytes.length }), bytes, tarPadding(bytes.length));
  }
  return gzipSync(Buffer.concat([...pieces, TAR_END]));
}

function listing(text: Buffer, path: string | undefined): Buffer {
  const manifest = JSON.parse(text.toString()) as BackupManifest;
  const files = path === undefined ? manifest.files : [...manifest.files, { path, sizeBytes: 0, sha256: EMPTY_SHA256 }];
  return Buffer.from(JSON.stringify({ ...manifest, files }));
}

const fileEntry = (name: string): Buffer => tarHeader({ name, kind: "file", sizeBytes: 0, isExecutable: false });

/** As `tar` would write it, with this type and the target of a link. */
function typedEntry(name: string, type: string, link: string): Buffer {
  const header = fileEntry(name);
  header.write(type, 156, "latin1");
  header.write(link, 157, "latin1");
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

const planted = (path: string): Planted => ({ path, entry: fileEntry(`workspace/${path}`) });

const HOSTILE: Readonly<Record<string, Planted>> = {
  "a parent": planted("../../outside"),
  "a parent in the middle": planted("a/../../../outside"),
  "the parent itself": planted(".."),
  "an absolute name": { entry: fileEntry("/tmp/outside") },
  "an absolute name in the workspace": planted("/etc/outside"),
  "a NUL": planted(`a\0${"b".repeat(200)}`),
  "a line feed": planted("a\nb"),
  "a backslash": planted("..\\..\\outside"),
  "a name of 4 KiB": planted(`${"a/".repeat(2_048)}b`),
  "a part of 300 bytes": planted("é".repeat(150)),
  "a table that nobody announced": { entry: fileEntry("tables/public.somebodys/1") },
  "a symbolic link": { path: "link", entry: typedEntry("workspace/link", "2", "/etc") },
  "a hard link": { path: "link", entry: typedEntry("workspace/link", "1", "/etc/passwd") },
  "a device": { path: "device", entry: typedEntry("workspace/device", "3", "") },
  "a pipe": { path: "pipe", entry: typedEntry("workspace/pipe", "6", "") },
};

test("no name in an archive leads out of the folder, and nothing but files and folders is made", LIMIT, async (t) => {
  const { folder, file } = await made(t);
  const other = join(folder, "hostile");
  await writeFile(other, await withEntry(file, planted("zz/harmless")));
  await verifyBackup(other);
  for (const [what, hostile] of Object.entries(HOSTILE)) {
    await writeFile(other, await withEntry(file, hostile));
    await assert.rejects(verifyBackup(other), { code: "backup_invalid" }, what);
  }
});

test("two names that are one file on the disk are refused, and no file is written through another", LIMIT, async (t) => {
  const folder = await temporaryFolder(t);
  const write = (name: string, kind: "file" | "folder" = "file") => writeEntry(folder, { name, kind, sizeBytes: 1, isExecutable: false }, bytesOf("x"));
  await write("a");
  await assert.rejects(write("a"), { code: "backup_invalid" });
  await assert.rejects(write("a/b"), { code: "backup_invalid" });
  await assert.rejects(write("a", "folder"), { code: "backup_invalid" });
  await symlink("/tmp/outside", join(folder, "link"));
  await assert.rejects(write("link"), { code: "backup_invalid" });
});

async function* bytesOf(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

test("a backup of a newer program is told apart from a damaged one", LIMIT, async (t) => {
  const { folder, file } = await made(t);
  const newer = gunzipSync(await readFile(file))
    .toString("latin1")
    .replaceAll("loopwright.backup/1", "loopwright.backup/2");
  await writeFile(join(folder, "newer"), gzipSync(Buffer.from(newer, "latin1")));
  await assert.rejects(verifyBackup(join(folder, "newer")), { code: "backup_newer" });
});

test("a backup that cannot be written leaves nothing behind and says why", LIMIT, async (t) => {
  const folder = await temporaryFolder(t);
  const { url } = await testDatabase(t);
  const home = await openHome(join(folder, "home"));
  const options = { url, home, workspaceFolder: join(folder, "none"), secretsKeyFile: "/nowhere", version: "0.1.0", log: silentLog, clock: heldClock() };
  await assert.rejects(backup({ ...options, out: join(folder, "missing", "a") }), { code: "input_invalid", message: /ENOENT/ });
  await assert.rejects(backup({ ...options, out: "/dev/full" }), { code: "input_invalid" });
  const manifest = await backup({ ...options, out: join(folder, "a") });
  assert.deepEqual(manifest.skipped, [`${join(folder, "none")}: there is no such folder`]);
  assert.deepEqual((await readdir(folder)).toSorted(), ["a", "home"]);
});
