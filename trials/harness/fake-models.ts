import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { World } from "./world.ts";

export const WIRES = ["openai-compatible", "anthropic"] as const;
export type FakeWire = (typeof WIRES)[number];

export interface FakeCall {
  readonly wire: FakeWire;
  readonly stream: boolean;
  readonly headers: IncomingHttpHeaders;
  readonly body: ReturnType<typeof JSON.parse>;
  /** What stands between the words of the last message, so that a caller can say what is to go wrong. */
  readonly text: string;
  readonly atMs: number;
}

export type Answering = (response: ServerResponse, call: FakeCall) => void;

export interface FakeModels {
  readonly url: string;
  readonly calls: FakeCall[];
  answer: Answering;
  /** Nothing listens any more until it does again, on the same port. */
  down(): Promise<void>;
  up(): Promise<void>;
}

/** A provider on loopback that speaks two wires, whole and streamed, and does what it is told. */
export async function fakeModels(world: World, answer: Answering): Promise<FakeModels> {
  const calls: FakeCall[] = [];
  const fake = { answer };
  let server: Server | undefined;
  let port = 0;
  const up = async (): Promise<void> => {
    server = createServer((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as ReturnType<typeof JSON.parse>;
        const wire: FakeWire = incoming.url?.endsWith("/messages") ? "anthropic" : "openai-compatible";
        const call = { wire, stream: body.stream === true, headers: incoming.headers, body, text: lastText(body), atMs: performance.now() };
        calls.push(call);
        fake.answer(response, call);
      });
    });
    server.on("connection", (socket: Socket) => socket.on("error", () => undefined));
    await new Promise<void>((resolve) => server!.listen(port, "127.0.0.1", resolve));
    ({ port } = server.address() as AddressInfo);
  };
  const down = async (): Promise<void> => {
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
    server = undefined;
  };
  await up();
  world.after(down);
  return Object.assign(fake, { url: `http://127.0.0.1:${port}/v1`, calls, up, down });
}

function lastText(body: { messages?: { content?: unknown }[] }): string {
  const content = body.messages?.at(-1)?.content;
  if (typeof content === "string") return content;
  return Array.isArray(content) ? (content as { text?: string }[]).map(({ text = "" }) => text).join("") : "";
}

export const USED = { input: 100, output: 20 };

/** What the provider says when all goes well: whole, or the frames of a stream. */
export function soundBody({ wire }: Pick<FakeCall, "wire">, more: Readonly<Record<string, unknown>> = {}): object {
  if (wire === "anthropic") {
    const usage = { input_tokens: USED.input, output_tokens: USED.output };
    return { id: "m1", type: "message", role: "assistant", model: "m", content: [{ type: "text", text: "done" }], stop_reason: "end_turn", usage, ...more };
  }
  const usage = { prompt_tokens: USED.input, completion_tokens: USED.output, total_tokens: USED.input + USED.output };
  const choices = [{ index: 0, message: { role: "assistant", content: "done" }, finish_reason: "stop" }];
  return { id: "c1", object: "chat.completion", created: 1, model: "m", choices, usage, ...more };
}

/** One event of a stream, as each wire writes it. */
export function eventText(event: object | string): string {
  const name = typeof event === "object" && "type" in event ? `event: ${String(event.type)}\n` : "";
  return `${name}data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`;
}

/** The events of a sound stream that says these pieces. */
export function soundEvents({ wire }: Pick<FakeCall, "wire">, pieces: readonly string[]): (object | string)[] {
  if (wire === "anthropic") {
    const { content: _content, stop_reason: _stop, ...message } = soundBody({ wire }) as Record<string, unknown>;
    return [
      { type: "message_start", message: { ...message, content: [], stop_reason: null, usage: { input_tokens: USED.input, output_tokens: 1 } } },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      ...pieces.map((text) => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } })),
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: USED.output } },
      { type: "message_stop" },
    ];
  }
  const chunk = (choices: unknown[], more: object = {}) => ({ id: "c1", object: "chat.completion.chunk", created: 1, model: "m", choices, ...more });
  return [
    ...pieces.map((content) => chunk([{ index: 0, delta: { role: "assistant", content }, finish_reason: null }])),
    chunk([{ index: 0, delta: {}, finish_reason: "stop" }]),
    chunk([], { usage: { prompt_tokens: USED.input, completion_tokens: USED.output, total_tokens: USED.input + USED.output } }),
    "[DONE]",
  ];
}

/** All goes well. */
export function answerWell(response: ServerResponse, call: FakeCall): void {
  if (!call.stream) return void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(soundBody(call)));
  response.writeHead(200, { "content-type": "text/event-stream" }).end(soundEvents(call, ["do", "ne"]).map(eventText).join(""));
}

/** A status with an error body as either wire has it. */
export function answerError(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  const error = { type: status === 529 ? "overloaded_error" : "api_error", message: `status ${status}` };
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify({ type: "error", error }));
}
