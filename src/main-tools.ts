import { homedir } from "node:os";
import { dirname } from "node:path";
import type { SandboxPort } from "#src/acts/ports/sandbox-port.ts";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { ToolFactories, ToolLogin } from "#src/acts/ports/tool-source.ts";
import { schemaProblem } from "#src/acts/check-args.ts";
import type { DefineServices } from "#src/workspace/manifest/service.ts";
import { createToolPins, sourceOf } from "#src/acts/tool-pins.ts";
import { createToolShelf, type ToolShelf } from "#src/acts/tool-shelf.ts";
import { createBwrapSandbox } from "#src/adapters/sandbox-bwrap/sandbox.ts";
import { createSandboxOff } from "#src/adapters/sandbox-off/sandbox.ts";
import { secretPlaces } from "#src/adapters/sandbox-bwrap/secret-places.ts";
import { definesServices } from "#src/adapters/tool-code/services.ts";
import { codeTools } from "#src/adapters/tool-code/tools.ts";
import { filesTools } from "#src/adapters/tool-files/tools.ts";
import { githubTools } from "#src/adapters/tool-github/tools.ts";
import { httpTools } from "#src/adapters/tool-http/tools.ts";
import { mcpTools } from "#src/adapters/tool-mcp/gateway.ts";
import { httpTransport } from "#src/adapters/tool-mcp/http-transport.ts";
import { shellTools } from "#src/adapters/tool-shell/tools.ts";
import { beginLogin, finishLogin, type LoginVault } from "#src/adapters/tool-mcp/login.ts";
import { webTools } from "#src/adapters/tool-web/tools.ts";
import type { Db } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { Log } from "#src/kernel/log.ts";
import type { Redactor } from "#src/kernel/redaction.ts";
import { askHuman } from "#src/runs/tools/ask-human.ts";
import { brainSearch } from "#src/runs/tools/brain-search.ts";
import { type MemoryDeps, memoryTools } from "#src/runs/tools/memory.ts";
import type { Secrets } from "#src/secrets/secrets.ts";
import type { Environment } from "#src/settings/read.ts";
import type { Settings } from "#src/settings/schema.ts";
import { codeOf } from "#src/workspace/code-servers.ts";
import { revisionFiles } from "#src/workspace/revisions.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";

/** What the tools of a process are made from. */
export interface ToolWorld {
  readonly settings: Settings;
  readonly env: Environment;
  readonly home: { readonly folder: string };
  readonly version: string;
  readonly record: { readonly db: Db };
  readonly log: Log;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly redactor: Redactor;
  readonly workspaces: WorkspaceView;
  readonly workspaceFolder: string;
}

/** The sandbox, and what runs commands as they are. */
function sandboxesOf({ settings, env, home }: ToolWorld): { readonly sandbox: SandboxPort; readonly off: SandboxPort } {
  const sandbox = createBwrapSandbox({
    searchPath: env["PATH"] ?? "",
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    osHome: homedir(),
    hidden: ownPlaces({ settings, home }),
  });
  return { sandbox, off: createSandboxOff() };
}

/** What runs the code of services/. */
export const defineOf = (world: ToolWorld): DefineServices => definesServices(sandboxesOf(world));

/** Where commands run: in the sandbox, or as they are where the workspace in force says `sandbox: off`. */
export function sandboxOf(world: ToolWorld): () => Promise<SandboxPort> {
  const { sandbox, off } = sandboxesOf(world);
  return async () => ((await world.workspaces.current()).workspace.manifest.sandbox === "off" ? off : sandbox);
}

const ownPlaces = ({ settings, home }: Pick<ToolWorld, "settings" | "home">): string[] => [home.folder, dirname(settings.secretsKeyFile)];

/** The tools that every workspace has. */
export const ownTools = (deps: MemoryDeps): ToolPort[] => [brainSearch(deps.db, deps.embedder), ...memoryTools(deps), askHuman(deps.db, deps.workspaces)];

/** The tools that are built in, and a maker for each kind of server that a file of tools/ may name. */
export function toolsOf(world: ToolWorld, from: { readonly sandbox: () => Promise<SandboxPort>; readonly builtIn: readonly ToolPort[] }): ToolShelf {
  const login = { vault: vaultOf(world) };
  const mcp = mcpTools({
    version: world.version,
    pins: createToolPins(world.record.db, world.clock),
    sourceOf,
    schemaProblem,
    http: (server, deps) => httpTransport(server, deps, login),
  });
  const factories: ToolFactories = { code: codeTools, files: filesTools, github: githubTools, http: httpTools, mcp, shell: shellTools, web: webTools };
  const code = async () => codeOf(await revisionFiles(world.record.db, (await world.workspaces.current()).revision));
  const hidden = [...ownPlaces(world), ...secretPlaces(homedir())];
  const { clock, log, secrets, workspaceFolder } = world;
  return createToolShelf({
    builtIn: from.builtIn,
    factories,
    deps: { clock, log, secret: secrets.resolve, sandbox: from.sandbox, workspaceFolder, hidden, code },
  });
}

/** Logins lie among the sealed secrets. */
function vaultOf({ secrets, redactor }: ToolWorld): LoginVault {
  return {
    async read(name) {
      const names = await secrets.list();
      return names.some((entry) => entry.name === name) ? secrets.resolve(`secret:${name}`) : undefined;
    },
    keep: async (name, value) => void (await secrets.set(name, value)),
    teach: (values) => values.forEach((value) => redactor.learn(value)),
  };
}

/** Lets a person log in to a server of MCP: the link first, then the address that the browser ended at. */
export function loginOf(world: ToolWorld): ToolLogin {
  const options = { vault: vaultOf(world) };
  const { clock, log, secrets, workspaceFolder } = world;
  const deps = {
    clock,
    log,
    secret: secrets.resolve,
    sandbox: sandboxOf(world),
    workspaceFolder,
    hidden: [],
    code: () => Promise.reject(new Error("a login needs no code")),
  };
  return {
    begin: (server) => beginLogin(server, deps, options),
    finish: (server, address) => finishLogin(server, deps, { ...options, address }),
  };
}
