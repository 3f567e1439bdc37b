import type { Clock } from "#src/kernel/clock.ts";
import type { Log } from "#src/kernel/log.ts";
import type { ToolServerManifest } from "#src/workspace/manifest/tools.ts";
import type { SandboxPort } from "./sandbox-port.ts";
import type { ToolPort, ToolState } from "./tool-port.ts";

/** What makers of tools may use of the process that they run in. */
export interface ToolDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** The value behind a reference, looked up at every call; it goes to the server of the tool and nowhere else. @throws LoopError secret_unavailable */
  readonly secret: (reference: string) => Promise<string>;
  /** Where commands run now, as the workspace in force says. */
  readonly sandbox: () => Promise<SandboxPort>;
  /** The real path of the workspace folder. */
  readonly workspaceFolder: string;
  /** The TypeScript below tools/ of the revision in force, by path, and its digest. */
  readonly code: () => Promise<{ readonly files: ReadonlyMap<string, Uint8Array>; readonly digest: string }>;
  /** Files and folders that no tool may reach: the home of the server, its keys, the usual places of passwords. Absolute. */
  readonly hidden: readonly string[];
}

type Origin = ToolServerManifest["from"];

/** A file of tools/ whose tools come from this kind of server. */
export type ToolServerFrom<By extends Origin["by"]> = ToolServerManifest & { readonly from: Extract<Origin, { by: By }> };

/** The tools of one server, where they come and go while it is used. */
export interface LiveTools {
  /** Those that are on. Waits for nothing. */
  list(): readonly ToolPort[];
  /** All that are known, those that are off too, and `<server>.*` for what is wrong with the server as a whole. */
  states(): readonly ToolState[];
  /** Looks at the record again: another process may have decided something. Waits for no server. */
  refresh(): Promise<void>;
  /** Lets the calls that are under way end, or ends them. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Makes the tools of one file of tools/; their names are `<server.name>.<tool>`. Called once per content of the file. Waits for nothing and connects to
 * nothing. @throws LoopError for what cannot be: then the tools of this server are not offered, and the reason is shown
 */
export type ToolFactory<By extends Origin["by"]> = (server: ToolServerFrom<By>, deps: ToolDeps) => readonly ToolPort[] | LiveTools;

/** One for each kind of server that this process can reach. */
export type ToolFactories = { readonly [By in Origin["by"]]?: ToolFactory<By> };

/** Logins to servers of MCP that want a person. Tokens are kept sealed, each for its server alone. */
export interface ToolLogin {
  /** The link that a person opens. Nothing is opened with it. @throws LoopError tool_login_refused | input_invalid */
  begin(server: ToolServerFrom<"mcp">): Promise<string>;
  /** `address`: where the browser ended, with the code in it. @throws LoopError tool_login_refused | input_invalid */
  finish(server: ToolServerFrom<"mcp">, address: string): Promise<void>;
}
