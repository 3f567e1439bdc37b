import { setTimeout as sleep } from "node:timers/promises";
import net from "node:net";
import type { ServerResponse } from "node:http";
import type { ModelPort, ModelResult } from "#src/acts/ports/model-port.ts";
import { createModelPort } from "#src/adapters/model-aisdk/model-port.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { type Case, judged } from "./harness/case.ts";
import { answerWell, eventText, type FakeCall, fakeModels, type FakeModels, soundBody, soundEvents, USED, WIRES } from "./harness/fake-models.ts";
import type { World } from "./harness/world.ts";

interface Tried {
  readonly result: ModelResult;
  readonly tookMs: number;
  /** What was said while it spoke; null: it was not asked to. */
  readonly heard: string | null;
}

/** One call on each wire, whole and streamed, that says what is to happen. A call that does not come back is a defect, not a wait. */
async function onEachWire(port: ModelPort, text: string, limitMs = 15_000): Promise<Tried[]> {
  const calls = WIRES.flatMap((wire) => [false, true].map((streams) => ({ wire, streams })));
  return Promise.all(
    calls.map(async ({ wire, streams }) => {
      const startMs = performance.now();
      let heard = "";
      const call = { model: `${wire}:m`, system: "", messages: [{ role: "user" as const, text }], tools: TOOLS, maxOutputTokens: 64 };
      const hung: ModelResult = { kind: "failed", failure: { reason: "aborted", message: "it hung", retryable: false, retryAtMs: null, usage: null } };
      const options = { signal: new AbortController().signal, ...(streams ? { onText: (delta: string) => (heard += delta) } : {}) };
      const result = await Promise.race([port.generate(call, options), sleep(limitMs, hung, { ref: false })]);
      return { result, tookMs: performance.now() - startMs, heard: streams ? heard : null };
    }),
  );
}

const TOOLS = [{ name: "f", description: "a tool", schema: { type: "object", properties: { a: { type: "string" } } } }];

function portTo(url: string, limits: { connectMs?: number; headersMs?: number; idleMs?: number; timeoutMs?: number } = {}): ModelPort {
  const providers = Object.fromEntries(WIRES.map((wire) => [wire, { wire, baseUrl: url, ...(wire === "anthropic" ? { apiKey: "secret:fake" } : {}) }]));
  return createModelPort({ providers: () => providers, secrets: () => Promise.resolve("sk-fake"), clock: systemClock, ...limits });
}

const reasonOf = ({ result }: Tried): string => (result.kind === "failed" ? result.failure.reason : "answered");
const all = (tried: readonly Tried[], reason: string): boolean => tried.every((one) => reasonOf(one) === reason);
const sayings = (tried: readonly Tried[]): string => [...new Set(tried.map(reasonOf))].join("/");

const timeouts: Case = {
  id: "F38",
  title:
    "a provider that does not begin, falls silent, or goes on for ever, on both wires: each is ended by its own limit; so is a connection that is never made",
  short: true,
  limitMs: { short: 60_000, full: 60_000 },
  async run(world) {
    const limits = { connectMs: 400, headersMs: 700, idleMs: 1_000, timeoutMs: 2_500 };
    const fake = await fakeModels(world, (response, call) => {
      if (call.text === "silent") return; // the connection is there, and nothing comes
      response.writeHead(200, { "content-type": call.stream ? "text/event-stream" : "application/json" });
      const start = call.stream
        ? soundEvents(call, ["a "])
            .slice(0, call.wire === "anthropic" ? 3 : 1)
            .map(eventText)
            .join("")
        : '{"id":"';
      response.write(start);
      if (call.text === "idle") return;
      const more = setInterval(() => response.write(call.stream ? ": still here\n\n" : "x"), 200);
      response.on("close", () => clearInterval(more));
    });
    const port = portTo(fake.url, limits);
    const silent = await onEachWire(port, "silent");
    const idle = await onEachWire(port, "idle");
    const endless = await onEachWire(port, "endless");
    const connect = await unconnected(world, limits);
    const span = (tried: readonly Tried[]): string =>
      `${Math.round(Math.min(...tried.map(({ tookMs }) => tookMs)))}–${Math.round(Math.max(...tried.map(({ tookMs }) => tookMs)))} ms`;
    const by = (tried: readonly Tried[], ms: number): boolean =>
      all(tried, "timed_out") && tried.every(({ tookMs }) => tookMs >= ms - 20 && tookMs < ms + 1_500);
    return judged({
      reached: silent.length + idle.length + endless.length + connect.length,
      wanted: 12,
      figure: `no beginning ${span(silent)}, silence ${span(idle)}, without end ${span(endless)}, no connection ${span(connect)}`,
      conditions: {
        "the beginning has its limit": by(silent, limits.headersMs),
        "silence has its limit": by(idle, limits.idleMs),
        "the whole has its limit": by(endless, limits.timeoutMs),
        "a connection has its limit, and costs nothing":
          connect.every(({ result }) => result.kind === "failed" && result.failure.usage?.costUsd === 0) && by(connect, limits.connectMs),
      },
    });
  },
};

/** Fills the queue of a listener in a stopped process, so that the next connections wait for ever. */
async function unconnected(world: World, limits: Parameters<typeof portTo>[1]): Promise<Tried[]> {
  const child = world.start({ name: "deaf", script: new URL("./deaf-child.ts", import.meta.url) });
  const { port } = (await child.heard("listening")) as unknown as { port: number };
  child.signal("SIGSTOP");
  const fillers = Array.from({ length: 8 }, () => net.connect(port, "127.0.0.1").on("error", () => undefined));
  await sleep(300);
  try {
    return await onEachWire(portTo(`http://127.0.0.1:${port}/v1`, limits), "hello");
  } finally {
    fillers.forEach((filler) => filler.destroy());
    child.signal("SIGCONT");
  }
}

type Malformed = readonly [text: string, expected: "answered" | "malformed" | "any failure", does: (response: ServerResponse, call: FakeCall) => void];

const asStream = (response: ServerResponse): ServerResponse => response.writeHead(200, { "content-type": "text/event-stream" });
const asJson = (response: ServerResponse): ServerResponse => response.writeHead(200, { "content-type": "application/json" });
const soundText = (call: FakeCall, pieces: readonly string[]): string => soundEvents(call, pieces).map(eventText).join("");

/** Whole calls get the like of it in one piece. */
function inPieces({ response, call, text, sizeBytes }: { response: ServerResponse; call: FakeCall; text: string; sizeBytes: number }): void {
  const bytes = Buffer.from(text);
  const to = call.stream ? asStream(response) : asJson(response);
  for (let at = 0; at < bytes.length; at += sizeBytes) to.write(bytes.subarray(at, at + sizeBytes));
  to.end();
}

const TOOL_ARGS = '{"a":"grüße, 你好"}';

/** A tool call whose arguments come as given, cut into pieces. */
function toolCall(call: FakeCall, args: string): string {
  const cut = [args.slice(0, 3), args.slice(3, 9), args.slice(9)];
  if (call.wire === "anthropic") {
    const { content: _content, stop_reason: _stop, ...message } = soundBody(call) as Record<string, unknown>;
    if (!call.stream) return "";
    return [
      { type: "message_start", message: { ...message, content: [], stop_reason: null } },
      { type: "content_block_start", index: 0, content_block: { type: "tool_use", id: "t1", name: "f", input: {} } },
      ...cut.map((partial_json) => ({ type: "content_block_delta", index: 0, delta: { type: "input_json_delta", partial_json } })),
      { type: "content_block_stop", index: 0 },
      { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: USED.output } },
      { type: "message_stop" },
    ]
      .map(eventText)
      .join("");
  }
  const head = { id: "c1", object: "chat.completion.chunk", created: 1, model: "m" };
  const delta = (said: object, finish: string | null = null) => ({ ...head, choices: [{ index: 0, delta: said, finish_reason: finish }] });
  if (call.stream) {
    return [
      delta({ role: "assistant", tool_calls: [{ index: 0, id: "t1", type: "function", function: { name: "f", arguments: "" } }] }),
      ...cut.map((piece) => delta({ tool_calls: [{ index: 0, function: { arguments: piece } }] })),
      delta({}, "tool_calls"),
      "[DONE]",
    ]
      .map(eventText)
      .join("");
  }
  const message = { role: "assistant", content: null, tool_calls: [{ id: "t1", type: "function", function: { name: "f", arguments: args } }] };
  return JSON.stringify(soundBody(call, { choices: [{ index: 0, message, finish_reason: "tool_calls" }] }));
}

/** Whole answers of Anthropic's wire hold arguments as an object, so nothing in them can be cut or broken. */
const hasArgumentText = (call: FakeCall): boolean => call.stream || call.wire !== "anthropic";

const MALFORMED: readonly Malformed[] = [
  [
    "letters cut in two",
    "answered",
    (response, call) =>
      inPieces({ response, call, text: call.stream ? soundText(call, ["grüße ", "你好 👋"]) : JSON.stringify(soundBody(call)), sizeBytes: 1 }),
  ],
  [
    "CRLF",
    "answered",
    (response, call) =>
      inPieces({ response, call, text: (call.stream ? soundText(call, ["a ", "b"]) : JSON.stringify(soundBody(call))).replaceAll("\n", "\r\n"), sizeBytes: 5 }),
  ],
  [
    "comments and blank frames",
    "answered",
    (response, call) => (call.stream ? asStream(response).end(`: hello\n\n\n\n${soundText(call, ["a"])}: bye\n\n`) : answerWell(response, call)),
  ],
  [
    "10 MB in one frame",
    "answered",
    (response, call) =>
      inPieces({ response, call, text: call.stream ? soundText(call, ["x".repeat(10_485_760)]) : JSON.stringify(soundBody(call)), sizeBytes: 65_536 }),
  ],
  [
    "the end twice",
    "answered",
    (response, call) =>
      call.stream ? asStream(response).end(`${soundText(call, ["a"])}${call.wire === "anthropic" ? "" : "data: [DONE]\n\n"}`) : answerWell(response, call),
  ],
  [
    "a frame that is not JSON",
    "malformed",
    (response, call) => (call.stream ? asStream(response).end(`data: {"id": broken\n\n${soundText(call, ["a"])}`) : asJson(response).end('{"id": broken')),
  ],
  [
    "half of an answer",
    "any failure",
    (response, call) =>
      call.stream ? asStream(response).end(soundText(call, ["a ", "b"]).slice(0, 120)) : asJson(response).end(JSON.stringify(soundBody(call)).slice(0, 40)),
  ],
  ["nothing at all", "any failure", (response, call) => void (call.stream ? asStream(response) : asJson(response)).end()],
  [
    "arguments cut",
    "answered",
    (response, call) => (hasArgumentText(call) ? inPieces({ response, call, text: toolCall(call, TOOL_ARGS), sizeBytes: 7 }) : answerWell(response, call)),
  ],
  [
    "arguments broken",
    "malformed",
    (response, call) =>
      hasArgumentText(call) ? inPieces({ response, call, text: toolCall(call, '{"a": "never clos'), sizeBytes: 7 }) : asJson(response).end("{"),
  ],
];

async function eachOf(fake: FakeModels, cases: readonly Malformed[], limits = {}): Promise<{ wrong: string[]; tried: number; byText: Map<string, Tried[]> }> {
  const does = new Map(cases.map(([text, , act]) => [text, act]));
  fake.answer = (response, call) => does.get(call.text)!(response, call);
  const port = portTo(fake.url, limits);
  const wrong: string[] = [];
  const byText = new Map<string, Tried[]>();
  for (const [text, expected] of cases) {
    const tried = await onEachWire(port, text);
    byText.set(text, tried);
    const isRight = (one: Tried): boolean => (expected === "any failure" ? !["answered", "aborted"].includes(reasonOf(one)) : reasonOf(one) === expected);
    if (!tried.every(isRight)) wrong.push(`${text}: ${sayings(tried)}`);
  }
  return { wrong, tried: 4 * cases.length, byText };
}

const malformed: Case = {
  id: "F40",
  title:
    "broken and odd streams on both wires (cut letters, CRLF, 10 MB in a frame, a second end, broken JSON and arguments): read where they can be, else a typed error, and no hang",
  short: true,
  limitMs: { short: 90_000, full: 90_000 },
  async run(world) {
    const fake = await fakeModels(world, answerWell);
    const { wrong, tried, byText } = await eachOf(fake, MALFORMED);
    const heard = byText.get("letters cut in two")!.flatMap((one) => (one.heard === null ? [] : [one.heard]));
    const args = byText
      .get("arguments cut")!
      .flatMap(({ result }) => (result.kind === "answered" && result.answer.toolCalls.length > 0 ? [JSON.stringify(result.answer.toolCalls[0]!.args)] : []));
    return judged({
      reached: tried,
      wanted: 4 * MALFORMED.length,
      figure: wrong.length === 0 ? `${MALFORMED.length} kinds on 2 wires, whole and streamed: ${tried} calls, each as expected` : wrong.join("; "),
      conditions: {
        "each as expected": wrong.length === 0,
        "letters are whole": heard.length === 2 && heard.every((text) => text === "grüße 你好 👋"),
        "arguments are whole": args.length === 3 && args.every((text) => text === TOOL_ARGS),
      },
    });
  },
};

const usageOf = (call: FakeCall, usage: object | undefined): string => {
  const name = call.wire === "anthropic" ? { input: "input_tokens", output: "output_tokens" } : { input: "prompt_tokens", output: "completion_tokens" };
  const own = usage && Object.fromEntries(Object.entries(usage).map(([key, value]) => [name[key as "input"], value]));
  return JSON.stringify(soundBody(call, { usage: own }));
};

const LYING: readonly Malformed[] = [
  [
    "an error in a 200",
    "any failure",
    (response, call) => {
      const error = { type: "error", error: { type: "api_error", message: "it broke" } };
      if (call.stream) asStream(response).end(eventText(error));
      else asJson(response).end(JSON.stringify(error));
    },
  ],
  ["a page to sign in", "malformed", (response) => void response.writeHead(200, { "content-type": "text/html" }).end("<html><form>Sign in</form></html>")],
  [
    "another model",
    "answered",
    (response, call) => (call.stream ? answerWell(response, call) : void asJson(response).end(JSON.stringify(soundBody(call, { model: "another-model" })))),
  ],
];

/** What is said of usage in a whole answer; in a stream it comes the usual way. */
const USAGES: readonly Malformed[] = [
  [
    "usage missing",
    "answered",
    (response, call) => (call.stream || call.wire === "anthropic" ? answerWell(response, call) : void asJson(response).end(usageOf(call, undefined))),
  ],
  [
    "usage negative",
    "answered",
    (response, call) => (call.stream ? answerWell(response, call) : void asJson(response).end(usageOf(call, { input: -5, output: -1 }))),
  ],
];

const lying: Case = {
  id: "F41",
  title:
    "200 with an error, a page to sign in, another model than was asked, usage that is missing or negative, on both wires: typed, said, and never counted as zero",
  short: true,
  limitMs: { short: 60_000, full: 60_000 },
  async run(world) {
    const fake = await fakeModels(world, answerWell);
    const { wrong, tried, byText } = await eachOf(fake, [...LYING, ...USAGES]);
    const answers = (text: string) => byText.get(text)!.flatMap(({ result, heard }) => (result.kind === "answered" && heard === null ? [result.answer] : []));
    const named = answers("another model").map(({ modelId }) => modelId);
    const negative = answers("usage negative").map(({ usage }) => [usage.input, usage.output]);
    const missing = answers("usage missing").filter(({ usage }) => usage.input === null && usage.output === null);
    return judged({
      reached: tried,
      wanted: 4 * (LYING.length + USAGES.length),
      figure:
        wrong.length === 0
          ? `${tried} calls: errors typed, the model that answered named (${[...new Set(named)].join(", ")}), usage unknown where it cannot be`
          : wrong.join("; "),
      conditions: {
        "each as expected": wrong.length === 0,
        "the model that answered is named": named.length === 2 && named.every((name) => name === "another-model"),
        "a negative usage is unknown": negative.length === 2 && negative.flat().every((count) => count === null),
        "a missing usage is unknown": missing.length === 1,
      },
    });
  },
};

export const answersOfProviders: readonly Case[] = [timeouts, malformed, lying];
