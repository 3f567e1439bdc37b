import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { WORKSPACES_FOLDER } from "./desk.ts";

interface Listed {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Json;
}

/** The catalogue server of the sample `resale` as tools: its own process, spoken to in MCP, without what the gateway adds. */
export async function catalogueTools(t: TestContext): Promise<ToolPort[]> {
  const child = spawn(process.execPath, [join(WORKSPACES_FOLDER, "resale", "servers", "catalogue.mjs")], { stdio: ["pipe", "pipe", "inherit"], env: {} });
  t.after(() => child.kill());
  const waiting = new Map<number, (answer: { result?: Json; error?: { message: string } }) => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const answer = JSON.parse(line) as { id: number; result?: Json; error?: { message: string } };
    waiting.get(answer.id)?.(answer);
  });
  let last = 0;
  const ask = async (method: string, params: Json): Promise<Json> => {
    const id = ++last;
    const { promise, resolve } = Promise.withResolvers<{ result?: Json; error?: { message: string } }>();
    waiting.set(id, resolve);
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    const { result, error } = await promise;
    if (error) throw new Error(error.message);
    return result ?? null;
  };
  await ask("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } });
  const { tools } = (await ask("tools/list", {})) as unknown as { tools: Listed[] };
  return tools.map(({ name, description, inputSchema }) => ({
    name: `catalogue.${name}`,
    description,
    schema: inputSchema,
    effect: name === "create_item" ? "once" : "read",
    invoke: async (args) => ((await ask("tools/call", { name, arguments: args })) as { structuredContent: Json }).structuredContent,
  }));
}
