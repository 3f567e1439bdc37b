import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { LoopError } from "#src/kernel/errors.ts";

/** The unprivileged account that Postgres runs as when the server is root. */
export interface Account {
  readonly name: string;
  readonly userId: number;
  readonly groupId: number;
}

const PREFERRED = ["loopwright", "postgres", "nobody"];
const run = promisify(execFile);

/**
 * Who Postgres runs as: null is "as we are". Postgres refuses root, so root takes the account that owns the data already, else the first of loopwright, postgres, nobody.
 * @throws LoopError home_not_usable
 */
export async function chooseAccount(folder: string): Promise<Account | null> {
  const ownId = process.geteuid?.() ?? -1;
  const data = await stat(join(folder, "data")).catch(nullWhenAbsent);
  if (ownId !== 0) {
    if (data && data.uid !== ownId) throw notOurs(folder, data.uid, ownId);
    return null;
  }
  const accounts = readAccounts(await readFile("/etc/passwd", "utf8"));
  if (data && data.uid !== 0) {
    return accounts.find((account) => account.userId === data.uid) ?? { name: `user ${data.uid}`, userId: data.uid, groupId: data.gid };
  }
  for (const name of PREFERRED) {
    const account = accounts.find((candidate) => candidate.name === name);
    if (account) return account;
  }
  throw new LoopError(
    "home_not_usable",
    `Postgres does not run as root, and this machine has none of the users ${PREFERRED.join(", ")} to run it as. Add one (useradd --system loopwright), start as a normal user, or set DATABASE_URL.`,
  );
}

/** Accounts of a passwd file that are not root. */
export function readAccounts(passwd: string): Account[] {
  return passwd.split("\n").flatMap((line) => {
    const [name, , userId, groupId] = line.split(":");
    if (!name || !/^-?\d+$/.test(userId ?? "") || !/^-?\d+$/.test(groupId ?? "") || Number(userId) === 0) return [];
    return [{ name, userId: Number(userId) >>> 0, groupId: Number(groupId) >>> 0 }]; // macOS writes nobody as -2
  });
}

/** Makes the folder if it is absent; as root, opens it and the parents made here for passing through, never for listing. @throws LoopError home_not_usable */
export async function prepareFolder(folder: string, account: Account | null): Promise<void> {
  const firstMade = await mkdir(folder, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw cannotUse(folder, cause);
  });
  if (account) {
    const made = firstMade === undefined ? [folder] : ancestors(folder).filter((path) => path.startsWith(firstMade));
    for (const path of made) await chmod(path, ((await stat(path)).mode & 0o7777) | 0o011);
    const closed = await firstUnreachable(ancestors(folder), account);
    if (closed !== null) {
      throw new LoopError(
        "home_not_usable",
        `Postgres runs as ${account.name}, who may not pass through ${closed}. Run "chmod o+x ${closed}", put LOOP_HOME in another place such as /var/lib/loopwright, or set DATABASE_URL.`,
        { facts: { folder: closed, account: account.name } },
      );
    }
  }
}

/** The first of the paths that the account may not pass through or execute; null when all are open. */
export async function firstUnreachable(paths: readonly string[], account: Account): Promise<string | null> {
  const script = 'for path do [ -x "$path" ] || { printf %s "$path"; exit 0; }; done';
  const { stdout } = await run("/bin/sh", ["-c", script, "sh", ...paths], { uid: account.userId, gid: account.groupId, cwd: "/", env: {} }).catch(
    (cause: unknown) => {
      throw new LoopError(
        "home_not_usable",
        `Postgres does not run as root, and this process may not become ${account.name}. Start as a normal user, or set DATABASE_URL.`,
        { cause },
      );
    },
  );
  return stdout === "" ? null : stdout;
}

/** From the root folder down to the path itself. */
function ancestors(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [...ancestors(parent), path];
}

export function nullWhenAbsent(cause: unknown): null {
  if (isSystemError(cause, "ENOENT")) return null;
  throw cause;
}

export function isSystemError(cause: unknown, ...codes: readonly string[]): boolean {
  return cause instanceof Error && "code" in cause && codes.includes(String(cause.code));
}

/** Names a failed file operation; anything else is given back as it is. */
export function cannotUse(folder: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || !("syscall" in cause)) return cause;
  if (isSystemError(cause, "ENOSPC", "EDQUOT")) {
    return new LoopError("storage_full", `The disk of ${folder} is full. Free some space and start again.`, { facts: { folder }, cause });
  }
  return new LoopError(
    "home_not_usable",
    `The database folder ${folder} cannot be used: ${cause.message}. Give this user the folder, or choose another LOOP_HOME.`,
    {
      facts: { folder },
      cause,
    },
  );
}

function notOurs(folder: string, ownerId: number, ownId: number): LoopError {
  return new LoopError(
    "home_not_usable",
    `The database in ${folder} belongs to user ${ownerId}, and this process is user ${ownId}. Start as that user or as root, or choose another LOOP_HOME.`,
    { facts: { folder, ownerId, ownId } },
  );
}
