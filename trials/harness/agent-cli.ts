import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { agentCli } from "./needs.ts";
import type { World } from "./world.ts";

/** What a scripted model reads of a conversation: what each command printed so far, oldest first. */
export type Printed = readonly string[];

/** The next command, or undefined: it is done. */
export type Script = (printed: Printed) => string | undefined;

export interface ScriptedModels {
  /** With `/v1`. */
  readonly url: string;
  /** By the name of the model: what it had run. */
  readonly commands: ReadonlyMap<string, readonly string[]>;
}

interface Message {
  readonly role: string;
  readonly content?: unknown;
}

/** A server of models whose every answer is a command for the shell of whoever asks, by a script for each model. It judges nothing. */
export async function scriptedModels(world: World, scripts: Readonly<Record<string, Script>>): Promise<ScriptedModels> {
  const commands = new Map<string, readonly string[]>();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const { model = "", messages = [] } = JSON.parse(text || "{}") as { model?: string; messages?: readonly Message[] };
    const printed = messages.filter(({ role }) => role === "tool").map(({ content }) => textOf(content));
    const command = scripts[model]?.(printed);
    if (command !== undefined) commands.set(model, [...(commands.get(model) ?? []), command]);
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (delta: object, finish: string | null): void =>
      void response.write(
        `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", model, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`,
      );
    if (command === undefined) send({ role: "assistant", content: "That is all." }, null);
    else send({ role: "assistant", tool_calls: [{ index: 0, id: `call_${printed.length}`, type: "function", function: bash(command) }] }, null);
    send({}, command === undefined ? "stop" : "tool_calls");
    response.end("data: [DONE]\n\n");
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  world.after(() => new Promise((resolve) => server.close(resolve)));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, commands };
}

const bash = (command: string) => ({ name: "bash", arguments: JSON.stringify({ command }) });

const textOf = (content: unknown): string =>
  typeof content === "string" ? content : Array.isArray(content) ? content.map((part: { text?: string }) => part.text ?? "").join("") : "";

/** A home folder of an account whose `pi` asks these models, and `usual` where it is not told which. */
export async function accountWithPi(world: World, { url, models, usual }: { url: string; models: readonly string[]; usual: string }): Promise<string> {
  const account = join(world.folder, "account");
  const folder = join(account, ".pi", "agent");
  await mkdir(folder, { recursive: true });
  const provider = { baseUrl: url, api: "openai-completions", apiKey: "none-is-needed-0123456789", models: models.map((id) => ({ id })) };
  await writeFile(join(folder, "models.json"), JSON.stringify({ providers: { local: provider } }));
  await writeFile(join(folder, "settings.json"), JSON.stringify({ defaultProvider: "local", defaultModel: usual }));
  return account;
}

/** PATH with `pi` and the node that it needs. */
export const pathWithPi = (): string => [join(agentCli(), ".bin"), dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"].join(":");

export interface PiRun {
  readonly exitCode: number | null;
  readonly said: string;
}

/** Runs `pi` once, headless. It is ended at the limit. */
export function runPi(
  world: World,
  options: { prompt: string; model: string; cwd: string; env: Readonly<Record<string, string>>; limitMs: number },
): Promise<PiRun> {
  const args = [join(agentCli(), ".bin", "pi"), "-p", "--mode", "json", "--provider", "local", "--model", options.model, options.prompt];
  const child = spawn(process.execPath, args, {
    cwd: options.cwd,
    env: { ...options.env, PATH: pathWithPi(), PI_OFFLINE: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), options.limitMs);
  world.after(() => child.kill("SIGKILL"));
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (said = (said + data.toString()).slice(-20_000)));
  return new Promise((resolve) => {
    child.once("error", (error) => (clearTimeout(limit), resolve({ exitCode: null, said: error.message })));
    child.once("close", (exitCode) => (clearTimeout(limit), resolve({ exitCode, said })));
  });
}
