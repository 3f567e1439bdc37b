import { randomUUID } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Db } from "#src/database/open.ts";
import { digestOf, sha256 } from "#src/kernel/canonical-json.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";
import { type FileSet, placeOf } from "#src/workspace/files.ts";
import type { Sensor, Workspace } from "#src/workspace/model.ts";
import { filesDigest, revisionFiles } from "#src/workspace/revisions.ts";

/** A sensor as it is run: by the bytes of the revision in force, wherever the folder of the workspace has got to. */
export interface SensorProgram extends Sensor {
  readonly argv: readonly [string, ...string[]];
  /** What it has to see: its own files, and what reads them. */
  readonly readable: readonly string[];
  /** The same as long as its bytes and those of the files below sensors/ are, whatever else is applied. */
  readonly digest: string;
}

export interface Programs {
  /** Those of the revision in force, by name. The same map as long as nothing of them changed. @throws LoopError revision_unknown | workspace_invalid */
  current(): Promise<ReadonlyMap<string, SensorProgram>>;
}

const KEPT_FOLDERS = 4;

/** Writes them out below `folder`, once for each set of bytes. */
export function createPrograms({ db, workspaces, folder }: { db: Db; workspaces: WorkspaceView; folder: string }): Programs {
  let made: { readonly of: Workspace; readonly key: string; readonly programs: ReadonlyMap<string, SensorProgram> } | undefined;
  return {
    async current() {
      const { revision, workspace } = await workspaces.current();
      if (made?.of === workspace) return made.programs;
      const files = new Map(workspace.sensors.length === 0 ? [] : [...(await revisionFiles(db, revision))].filter(([path]) => placeOf(path) === "sensor"));
      const key = filesDigest(files);
      if (made?.key === key) made = { ...made, of: workspace };
      else made = { of: workspace, key, programs: await writtenOut(files, { sensors: workspace.sensors, at: join(folder, key) }) };
      return made.programs;
    },
  };
}

async function writtenOut(files: FileSet, { sensors, at }: { sensors: readonly Sensor[]; at: string }): Promise<ReadonlyMap<string, SensorProgram>> {
  if (files.size > 0) await materialise(files, at);
  const helpers = filesDigest(new Map([...files].filter(([path]) => path.split("/").length > 2)));
  return new Map(
    sensors.map((sensor) => {
      const bytes = files.get(sensor.source)!;
      const argv = argvOf(bytes, join(at, sensor.source));
      return [sensor.name, { ...sensor, argv, readable: [at, process.execPath], digest: digestOf({ source: sensor.source, bytes: sha256(bytes), helpers }) }];
    }),
  );
}

/** How a program is started: by its first line where that says so, by its ending, as it is where it is no text, and else by the shell. */
function argvOf(bytes: Uint8Array, file: string): readonly [string, ...string[]] {
  if (/\.[cm]?[jt]s$/.test(file)) return [process.execPath, "--disable-warning=ExperimentalWarning", file];
  if (bytes[0] === 0x23 && bytes[1] === 0x21) return [file]; // #!
  if (file.endsWith(".py")) return ["python3", file];
  return bytes.subarray(0, 512).includes(0) ? [file] : ["sh", file];
}

/** A folder of this name is whole: it is made beside and renamed. One that somebody changed is made anew. */
async function materialise(files: FileSet, at: string): Promise<void> {
  if (await holds(at, files)) return;
  const [beside, away] = [`${at}.${randomUUID()}`, `${at}.${randomUUID()}`];
  for (const [path, bytes] of files) {
    const file = join(beside, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, bytes, { mode: 0o500 });
    await chmod(file, 0o500); // whatever the mask of the process says
  }
  failpoint("programs.drafted");
  await rename(at, away).catch(nullWhenGone);
  failpoint("programs.away");
  await rename(beside, at).catch(async (error: unknown) => {
    await rm(beside, { recursive: true, force: true });
    if (!(await holds(at, files))) throw error; // another process was sooner
  });
  await rm(away, { recursive: true, force: true });
  await forgetOld(dirname(at));
}

async function holds(at: string, files: FileSet): Promise<boolean> {
  for (const [path, bytes] of files) {
    const found = await readFile(join(at, path)).catch(nullWhenGone);
    if (found === null || !found.equals(bytes)) return false;
  }
  return true;
}

/** The youngest stay: one may still be running, or be gone back to. */
async function forgetOld(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /^[0-9a-f]{64}/.test(name));
  const aged = await Promise.all(names.map(async (name) => ({ name, madeMs: (await stat(join(folder, name)).catch(nullWhenGone))?.mtimeMs ?? 0 })));
  for (const { name } of aged.toSorted((a, b) => b.madeMs - a.madeMs).slice(KEPT_FOLDERS)) await rm(join(folder, name), { recursive: true, force: true });
}

function nullWhenGone(error: unknown): null {
  if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return null;
  throw error;
}
