import { extname, join } from "node:path";
import type { TestContext } from "node:test";
import type { ToolPort, ToolUse } from "#src/acts/ports/tool-port.ts";
import type { LiveTools, ToolDeps, ToolServerFrom } from "#src/acts/ports/tool-source.ts";
import { argsProblem, schemaProblem } from "#src/acts/check-args.ts";
import { approveTool, createToolPins, sourceOf } from "#src/acts/tool-pins.ts";
import type { Db } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { RunId } from "#src/kernel/ids.ts";
import { clearedByPerson } from "#src/policy/trust.ts";
import { heldClock } from "./held-clock.ts";
import { silentLog } from "./silent-log.ts";
import { toolServerManifest } from "#src/workspace/manifest/tools.ts";
import { mcpTools } from "#src/adapters/tool-mcp/gateway.ts";

const CHILD = join(import.meta.dirname, `mcp-server-child${extname(import.meta.filename)}`);
const HEADER = { apiVersion: "loopwright.dev/v1", kind: "ToolServer" };

/** A server file as it would be applied; the program is the one of tests. */
export function serverFile(more: { from?: object; [key: string]: unknown } = {}): ToolServerFrom<"mcp"> & { source: string } {
  const from = { by: "mcp", command: [process.execPath, CHILD], sandbox: "off", ...more.from };
  const file = toolServerManifest.parse({ ...HEADER, name: "test", limits: { timeout: "2s" }, ...more, from });
  return { ...(file as ToolServerFrom<"mcp">), source: `tools/${file.name}.yaml` };
}

interface Given {
  readonly server: ReturnType<typeof serverFile>;
  readonly deps: Partial<ToolDeps>;
  readonly http: Parameters<typeof mcpTools>[0]["http"];
}

const noHttp = () => Promise.reject(new Error("this test has no HTTP"));

export function gateway(t: TestContext, db: Db, { server = serverFile(), deps = {}, http = noHttp }: Partial<Given> = {}) {
  const clock = heldClock();
  const make = mcpTools({
    version: "0",
    pins: createToolPins(db, clock),
    sourceOf: (one) => sourceOf({ from: one.from }),
    schemaProblem,
    http,
  });
  const noSandbox = () => Promise.reject(new Error("this test has no sandbox"));
  const tools = make(server, {
    clock,
    log: silentLog,
    secret: () => Promise.reject(new Error("no secrets")),
    sandbox: noSandbox,
    workspaceFolder: "/",
    hidden: [],
    code: () => Promise.reject(new Error("no code")),
    ...deps,
  }) as LiveTools;
  t.after(() => tools.close());
  return tools;
}

const PATIENCE_ROUNDS = 2_000;

/** Looks again until it is so: the server is another process. */
export async function until<T>(look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (let round = 0; round < PATIENCE_ROUNDS; round += 1) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    await new Promise((resolve) => void setTimeout(resolve, 5));
  }
  throw new Error("it did not come to be");
}

export const stateOf = (tools: LiveTools, name: string): string | null | undefined => tools.states().find((state) => state.name === name)?.why;

/** The tool once it is offered. */
export const offered = (tools: LiveTools, name: string): Promise<ToolPort> =>
  until(async () => {
    await tools.refresh();
    return tools.list().find((tool) => tool.name === name);
  });

export function invoke(tool: ToolPort, args: Json = {}, signal: AbortSignal = new AbortController().signal): Promise<Json> {
  const problem = argsProblem(tool.schema, args);
  if (problem !== null) throw new Error(problem);
  const use: ToolUse = {
    actKey: "act_1",
    signal,
    runId: "run_1" as RunId,
    agent: "helper",
    ticketId: null,
    threadId: null,
    labels: {},
    cleared: clearedByPerson({ id: "ask_1", answer: "approve" }),
  };
  return tool.invoke(args, use);
}

/** What the record knows of one tool of a server. */
export async function pinOf(db: Db, server: ReturnType<typeof serverFile>, tool: string) {
  const pins = await createToolPins(db, heldClock()).of({ server: server.name, source: sourceOf(server) });
  return pins!.find((pin) => pin.tool === tool)!;
}

export const approve = (db: Db, server: ReturnType<typeof serverFile>, what: { readonly tool: string; readonly digest: string }): Promise<void> =>
  approveTool(db, heldClock(), { server, ...what, by: "prn_1" });

export { schemaProblem } from "#src/acts/check-args.ts";
