import { chmod, link, mkdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { randomUUID } from "node:crypto";
import { LoopError } from "#src/kernel/errors.ts";
import { isSystemError, nullWhenAbsent } from "./postgres-account.ts";

/** The places of a home. All absolute. */
export interface Home {
  readonly folder: string;
  /** Names this home among all; locks are made of it. */
  readonly id: string;
  readonly keys: string;
  readonly postgres: string;
  readonly logs: string;
  readonly outbox: string;
  /** Nothing else lies in its folder. */
  readonly socket: string;
  readonly credentials: string;
}

const LONGEST_SOCKET_PATH = 100; // the kernel takes 107 bytes

/**
 * Makes the home folder and what belongs in it. Others may pass through it (Postgres may run under another account) and see nothing: each place has its own lock.
 * @throws LoopError home_not_usable naming the folder and what to do
 */
export async function openHome(wanted: string): Promise<Home> {
  try {
    await mkdir(wanted, { recursive: true });
    const folder = await realpath(wanted); // a sandbox hides the home by its real path
    const places = { keys: join(folder, "keys"), postgres: join(folder, "postgres"), logs: join(folder, "logs"), outbox: join(folder, "outbox") };
    await chmod(folder, 0o711);
    for (const place of [places.keys, places.logs, places.outbox]) await mkdir(place, { recursive: true, mode: 0o700 });
    const id = await homeId(join(folder, "home.json"));
    return { folder, id, ...places, socket: await socketPath(folder, id), credentials: join(folder, "credentials.json") };
  } catch (cause) {
    if (cause instanceof LoopError) throw cause;
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new LoopError(
      "home_not_usable",
      `The home folder ${wanted} cannot be used: ${said}. Make it writable for this account, or set LOOP_HOME to another folder.`,
      { facts: { folder: wanted }, cause },
    );
  }
}

/** The id that home.json says; made when there is none. Two makers: one wins, both get the winner's. */
async function homeId(file: string): Promise<string> {
  const mine = `${file}.${randomUUID()}`;
  try {
    if ((await readFile(file, "utf8").catch(nullWhenAbsent)) === null) {
      await writeFile(mine, `${JSON.stringify({ id: randomUUID() })}\n`, { mode: 0o600, flush: true });
      await link(mine, file).catch((cause: unknown) => {
        if (!isSystemError(cause, "EEXIST")) throw cause;
      });
    }
  } finally {
    await rm(mine, { force: true });
  }
  const id = idIn(await readFile(file, "utf8"));
  if (id !== undefined) return id;
  throw new LoopError(
    "home_not_usable",
    `${file} does not say which home this is. Expected {"id":"…"} as it was written when the home was made: put it back from a copy. Without one remove the file; sealed secrets must then be set anew.`,
    { facts: { file } },
  );
}

/** Two homes with one id would keep each other's servers out, and one without would keep out nobody's. */
function idIn(text: string): string | undefined {
  try {
    const { id } = JSON.parse(text) as { readonly id?: unknown };
    return typeof id === "string" && /^[0-9a-f-]{36}$/.test(id) ? id : undefined;
  } catch {
    return undefined; // damaged
  }
}

/** In a folder of its own, which a worker in a sandbox is shown: a socket that a later server makes is seen there too. In the home where its path is short enough; else under the system's temporary files. */
async function socketPath(folder: string, id: string): Promise<string> {
  const usual = join(folder, "socket", "loop.sock");
  const path = Buffer.byteLength(usual) <= LONGEST_SOCKET_PATH ? usual : join("/tmp", `loopwright-${id.slice(0, 8)}`, "loop.sock");
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return path;
}
