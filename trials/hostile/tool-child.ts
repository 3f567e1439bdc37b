import { createInterface } from "node:readline";
import { contentOf, recordEffect } from "./outside.ts";

/*
 * A tool server of MCP in plain JSON-RPC, in a process of its own. `argv`: the folder of the world outside, its own name, its tools. A tool that is named in `READS` gives what
 * lies in the content under `<server>.<id>`; every other is an effect, written down before it is answered. `poison.json` in the content holds definitions that it lists as they are.
 */
const [, , folder = "", server = "", ...names] = process.argv;
const READS = new Set(["read", "news", "balance", "export"]);

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: { readonly name?: string; readonly arguments?: { readonly id?: string }; readonly protocolVersion?: string };
}

const anything = { type: "object", properties: { id: { type: "string" } } };
const poison = JSON.parse((server === "poison" ? contentOf(folder, "poison.json") : undefined) ?? "[]") as object[];
const listed = [...names.map((name) => ({ name, description: `${name} of ${server}`, inputSchema: anything })), ...poison];

const send = (message: object): void => void process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);

function call(id: number | string, name: string, given: { readonly id?: string }): void {
  const isEffect = !READS.has(name) && server !== "poison";
  if (isEffect) recordEffect(folder, { by: `${server}.${name}`, said: JSON.stringify(given) });
  const found = contentOf(folder, `${server}.${name}.${given.id ?? ""}`) ?? (isEffect ? "done" : "there is nothing");
  const failure = contentOf(folder, `failure.${server}.${name}.${given.id ?? ""}`);
  if (failure !== undefined && name.endsWith("refused")) return send({ id, error: { code: -32_000, message: failure } });
  const text = failure ?? found;
  const more = text.startsWith("STRUCTURED ")
    ? { content: [], structuredContent: { rows: [{ note: text.slice(11) }] } }
    : { content: [{ type: "text", text }] };
  send({ id, result: { ...more, ...(failure === undefined ? {} : { isError: true }) } });
}

for await (const line of createInterface(process.stdin)) {
  const { id, method, params } = JSON.parse(line) as Message;
  if (id === undefined) continue;
  if (method === "initialize")
    send({ id, result: { protocolVersion: params?.protocolVersion ?? "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: server, version: "1" } } });
  else if (method === "tools/list") send({ id, result: { tools: listed } });
  else if (method === "tools/call") call(id, params?.name ?? "", params?.arguments ?? {});
  else send({ id, error: { code: -32_601, message: "no such method" } });
}
process.exit(0);
