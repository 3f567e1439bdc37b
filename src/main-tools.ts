import { homedir } from "node:os";
import { dirname } from "node:path";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { ToolFactories } from "#src/acts/ports/tool-source.ts";
import { createToolShelf, type ToolShelf } from "#src/acts/tool-shelf.ts";
import { createBwrapSandbox } from "#src/adapters/sandbox-bwrap/sandbox.ts";
import { createSandboxOff } from "#src/adapters/sandbox-off/sandbox.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { Log } from "#src/kernel/log.ts";
import type { Secrets } from "#src/secrets/secrets.ts";
import type { Environment } from "#src/settings/read.ts";
import type { Settings } from "#src/settings/schema.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";

/** What the tools of a process are made from. */
interface ToolWorld {
  readonly settings: Settings;
  readonly env: Environment;
  readonly home: { readonly folder: string };
  readonly log: Log;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly workspaces: WorkspaceView;
  readonly workspaceFolder: string;
}

/** Where commands run: in the sandbox, or as they are where the workspace in force says `sandbox: off`. */
export function sandboxOf({ settings, env, home, workspaces }: ToolWorld): () => Promise<SandboxPort> {
  const bwrap = createBwrapSandbox({
    searchPath: env["PATH"] ?? "",
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    osHome: homedir(),
    hidden: [home.folder, dirname(settings.secretsKeyFile)],
  });
  const off = createSandboxOff();
  return async () => ((await workspaces.current()).workspace.manifest.sandbox === "off" ? off : bwrap);
}

/** The tools that are built in, and a maker for each kind of server that a file of tools/ may name. */
export function toolsOf(world: ToolWorld, from: { readonly sandbox: () => Promise<SandboxPort>; readonly builtIn: readonly ToolPort[] }): ToolShelf {
  const factories: ToolFactories = {};
  const { clock, log, secrets, workspaceFolder } = world;
  return createToolShelf({ builtIn: from.builtIn, factories, deps: { clock, log, secret: secrets.resolve, sandbox: from.sandbox, workspaceFolder } });
}
