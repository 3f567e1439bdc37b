import { isAbsolute, join } from "node:path";
import type { LiveProcess } from "#src/acts/ports/sandbox-port.ts";
import type { ToolDeps, ToolServerFrom } from "#src/acts/ports/tool-source.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { startLive } from "#src/processes/live-process.ts";
import { processGroup } from "#src/processes/process-group.ts";
import { requireFolders, requireWellFormed } from "#src/processes/sandbox-command.ts";

const REFERENCE = /^secret:/;

/** The program that reads nothing of ours but what the file names: its own environment, with the secrets in it looked up now. */
export async function startProgram(server: ToolServerFrom<"mcp">, deps: ToolDeps): Promise<LiveProcess> {
  const { command, env, sandbox, folder, writable } = server.from;
  if (command === undefined) throw new LoopError("input_invalid", `The tool server ${server.name} has no command.`);
  const below = (path: string): string => (isAbsolute(path) ? path : join(deps.workspaceFolder, path));
  const live = {
    argv: command as [string, ...string[]],
    cwd: below(folder ?? "."),
    writable: writable.map(below),
    env: await resolved(env, deps),
    network: sandbox === "network",
  };
  if (sandbox !== "off") return (await deps.sandbox()).start(live);
  requireWellFormed(live);
  await requireFolders([live.cwd]);
  return startLive(live, processGroup);
}

async function resolved(env: Readonly<Record<string, string>>, deps: ToolDeps): Promise<Record<string, string>> {
  const entries = await Promise.all(
    Object.entries(env).map(async ([name, value]) => [name, REFERENCE.test(value) ? await deps.secret(value) : value] as const),
  );
  return { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...Object.fromEntries(entries) };
}
