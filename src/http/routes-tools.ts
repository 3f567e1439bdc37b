import { z } from "zod";
import type { ToolSourceKey } from "#src/acts/ports/tool-pins.ts";
import type { ToolServerFrom } from "#src/acts/ports/tool-source.ts";
import { approveTool, createToolPins, sourceOf } from "#src/acts/tool-pins.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { offers } from "#src/policy/agent-rules.ts";
import { prepareCall, requestCall } from "#src/runs/call/request.ts";
import { requireRun } from "#src/runs/store/state.ts";
import type { ToolServer, Workspace } from "#src/workspace/model.ts";
import { type App, callerOf } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { performOnce, send } from "./once.ts";
import { text } from "./query.ts";
import { runView, viewRun } from "./run-view.ts";

const toolView = z
  .object({
    name: z.string().describe("`<server>.*`: the server as a whole"),
    server: z.string().nullable().describe("the file of tools/ that it comes from; null: it is built in"),
    effect: z.enum(["read", "idempotent", "findable", "once"]).nullable(),
    risk: z.enum(["low", "medium", "high"]).nullable(),
    outbound: z.boolean().nullable(),
    private: z.boolean().nullable(),
    sandbox: z.enum(["on", "network", "off"]).nullable().describe("of a program that speaks MCP"),
    state: z.enum(["on", "off"]),
    why: z.string().nullable().describe("why it is off, and what to do"),
    agents: z.array(z.string()).describe("those whose files offer it"),
  })
  .meta({ id: "Tool" });

const toolParams = z.strictObject({ name: text(200) });

/** The tools that there are, and how each is. */
export function toolRoutes(app: App, deps: HttpDeps): void {
  app.get(
    "/v1/tools",
    {
      config: { access: "read" },
      schema: {
        summary: "All tools: what each does, whether it is on, who may call it.",
        tags: ["tools"],
        response: { 200: z.object({ tools: z.array(toolView) }) },
      },
    },
    async () => {
      const workspace = await followed(deps);
      return { tools: deps.tools.states().map((state) => viewTool(deps, workspace, state)) };
    },
  );
  app.post(
    "/v1/tools/:name/call",
    {
      config: { access: "runs:control" },
      schema: {
        summary: "Call one tool under the policy of an agent, in a run of its own: it is asked for where policy asks, and denied where it denies.",
        tags: ["tools"],
        params: toolParams,
        body: z.strictObject({ args: z.record(z.string(), z.unknown()).default({}), agent: text(64).optional() }),
        response: { 202: runView },
      },
    },
    async (request, reply) => {
      const { args, agent } = request.body;
      const { revision, workspace } = await deps.workspaces.current();
      await deps.tools.follow({ revision, workspace });
      const prepared = await prepareCall(deps.tools, workspace, { name: request.params.name, args: args as Json, agent, by: callerOf(request) });
      const place = { clock: deps.clock, revision, workspace, tiers: deps.tiers(workspace) };
      return send(
        reply,
        await performOnce(deps, request, async (joined) => ({
          status: 202,
          body: viewRun(await requireRun(joined, await requestCall(joined, place, prepared))),
        })),
      );
    },
  );
}

async function followed({ tools, workspaces }: HttpDeps): Promise<Workspace> {
  const current = await workspaces.current();
  await tools.follow(current);
  return current.workspace;
}

function viewTool(
  { tools }: HttpDeps,
  workspace: Workspace,
  { name, state, why }: { name: string; state: "on" | "off"; why: string | null },
): z.infer<typeof toolView> {
  const server = workspace.toolServers.find((known) => name.startsWith(`${known.name}.`));
  const port = tools.get(name);
  return {
    name,
    server: server?.name ?? null,
    effect: port?.effect ?? null,
    risk: port ? (port.terms?.risk ?? (port.effect === "read" ? "low" : "medium")) : null,
    outbound: port ? (port.terms?.outbound ?? false) : null,
    private: port ? (port.terms?.private ?? false) : null,
    sandbox: server?.from.by === "mcp" && server.from.command ? server.from.sandbox : null,
    state,
    why,
    agents: workspace.agents.filter((agent) => offers(agent, name)).map((agent) => agent.name),
  };
}

const definitionView = z
  .object({
    name: z.string(),
    approved: z.object({ digest: z.string(), definition: z.unknown() }).nullable().describe("what may be used; null: it was never approved"),
    now: z.object({ digest: z.string(), definition: z.unknown() }).nullable().describe("as its server described it last; null: it has it no more"),
  })
  .meta({ id: "ToolDefinition" });

interface Named extends ToolSourceKey {
  readonly file: ToolServer;
  readonly tool: string;
}

/** @throws LoopError tool_unknown */
function namedTool(workspace: Workspace, name: string): Named {
  const file = workspace.toolServers.find((known) => known.from.by === "mcp" && name.startsWith(`${known.name}.`));
  if (!file) throw new LoopError("tool_unknown", `No tool server of the workspace speaks MCP and has a tool ${name}. \`loop tools\` lists those there are.`);
  return { file, server: file.name, source: sourceOf(file), tool: name.slice(file.name.length + 1) };
}

/** Definitions of tools of MCP servers: what is approved, and what the server says now. */
export function toolDefinitionRoutes(app: App, deps: HttpDeps): void {
  const pins = createToolPins(deps.db, deps.clock);
  app.get(
    "/v1/tools/:name/definition",
    {
      config: { access: "read" },
      schema: {
        summary: "A tool as it was approved, and as its server describes it now.",
        tags: ["tools"],
        params: toolParams,
        response: { 200: definitionView },
      },
    },
    async ({ params: { name } }) => {
      const { tool, ...key } = namedTool(await followed(deps), name);
      const pin = (await pins.of(key))?.find((known) => known.tool === tool);
      if (!pin) throw new LoopError("tool_unknown", `The server ${key.server} has shown no tool ${tool}.`);
      return {
        name,
        approved: pin.digest === null ? null : { digest: pin.digest, definition: pin.definition },
        now: pin.seenDigest === null ? null : { digest: pin.seenDigest, definition: pin.seenDefinition },
      };
    },
  );
  app.post(
    "/v1/tools/:name/approve",
    {
      config: { access: "workspace:apply" },
      schema: {
        summary: "Let a tool be used as its server describes it now.",
        tags: ["tools"],
        params: toolParams,
        body: z.strictObject({ digest: z.string().regex(/^[0-9a-f]{64}$/, "expected the digest of the definition that you have seen") }),
        response: { 200: z.object({ name: z.string(), digest: z.string() }) },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const { file, tool } = namedTool(await followed(deps), name);
      const { digest } = request.body;
      const answer = await performOnce(deps, request, async (joined) => {
        await approveTool(joined, deps.clock, { server: file, tool, digest, by: callerOf(request).id });
        return { status: 200, body: { name, digest } };
      });
      await deps.tools.refresh();
      return send(reply, answer);
    },
  );
}

/** Logins to MCP servers that want a person. */
export function toolLoginRoutes(app: App, deps: HttpDeps): void {
  app.post(
    "/v1/tools/:name/login",
    {
      config: { access: "workspace:apply" },
      schema: {
        summary: "Begin a login to a tool server and get the link to open; with the address that the browser ended at, end it.",
        tags: ["tools"],
        params: toolParams,
        body: z.strictObject({ address: text(8_000).optional() }),
        response: { 200: z.object({ server: z.string(), link: z.string().nullable().describe("null: the login is done") }) },
      },
    },
    async ({ params: { name }, body: { address } }) => {
      const file = (await followed(deps)).toolServers.find((known) => known.name === name);
      if (!file || !deps.toolLogin)
        throw new LoopError("tool_unknown", `There is no tool server ${name} to log in to here. \`loop tools\` lists those there are.`);
      const server = mcpServer(file);
      if (address === undefined) return { server: name, link: await deps.toolLogin.begin(server) };
      await deps.toolLogin.finish(server, address);
      await deps.tools.refresh();
      return { server: name, link: null };
    },
  );
}

/** @throws LoopError input_invalid */
function mcpServer(file: ToolServer): ToolServerFrom<"mcp"> {
  if (file.from.by === "mcp") return file as ToolServerFrom<"mcp">;
  throw new LoopError("input_invalid", `The tool server ${file.name} is of kind ${file.from.by}, which has no login. Its secrets are named in its file.`);
}
