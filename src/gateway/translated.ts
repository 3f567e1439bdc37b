import { z } from "zod";
import type { ModelAnswer, ModelCall, ModelMessage, ModelResult } from "#src/acts/ports/model-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { ERROR_FRAME, type Seen } from "./meter.ts";
import type { GatewayAnswer, GatewayCall, OnItsWay } from "./terms.ts";
import { clientError, isCharged } from "./provider-failure.ts";
import type { Wish } from "./request.ts";
import { type Ending, UNKNOWN } from "./settle.ts";

const textPart = z.looseObject({ type: z.literal("text"), text: z.string() });
const content = z.union([z.string(), z.array(textPart)]);
const toolCall = z.looseObject({ id: z.string(), function: z.looseObject({ name: z.string(), arguments: z.string() }) });
const message = z.union([
  z.looseObject({ role: z.enum(["system", "developer", "user"]), content }),
  z.looseObject({ role: z.literal("assistant"), content: content.nullish(), tool_calls: z.array(toolCall).nullish() }),
  z.looseObject({ role: z.literal("tool"), tool_call_id: z.string(), content }),
]);

/** What can be put to a wire that is not OpenAI's. Members that say how, and that such a wire has no word for, are refused rather than dropped. */
const chatRequest = z.strictObject({
  model: z.string(),
  messages: z.array(message).min(1),
  tools: z
    .array(
      z.looseObject({
        type: z.literal("function"),
        function: z.looseObject({ name: z.string(), description: z.string().default(""), parameters: z.json().default({ type: "object" }) }),
      }),
    )
    .default([]),
  tool_choice: z.literal("auto").optional(),
  response_format: z
    .union([
      z.strictObject({ type: z.literal("text") }),
      z.strictObject({ type: z.literal("json_schema"), json_schema: z.looseObject({ name: z.string(), schema: z.json() }) }),
    ])
    .optional(),
  temperature: z.number().min(0).max(2).nullish(),
  reasoning_effort: z.enum(["low", "medium", "high"]).nullish(),
  max_tokens: z.int().nullish(),
  max_completion_tokens: z.int().nullish(),
  n: z.literal(1).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.unknown().optional(),
  user: z.string().nullish(),
  metadata: z.unknown().optional(),
});
type ChatRequest = z.infer<typeof chatRequest>;

export interface Translated {
  perform(place: OnItsWay): Promise<GatewayAnswer>;
}

/** A call for a provider of another wire, in our words. @throws LoopError call_refused for what those have no word for */
export function translated({ path, body }: GatewayCall, wish: Wish): Translated {
  if (path === "embeddings")
    throw new LoopError("call_refused", "Embeddings of this provider are not offered here: only those that speak as OpenAI does.", {
      facts: { param: "model" },
    });
  const read = chatRequest.safeParse(body);
  if (!read.success) {
    throw new LoopError(
      "call_refused",
      `This cannot be put to the provider of this model, which does not speak as OpenAI does: ${z.prettifyError(read.error)}`,
      {
        facts: { param: String(read.error.issues[0]?.path[0] ?? "") },
      },
    );
  }
  return { perform: (place) => (wish.streams ? Promise.resolve(streamed(place, read.data)) : whole(place, read.data)) };
}

function callOf({ admitted }: OnItsWay, asked: ChatRequest): ModelCall {
  const format = asked.response_format?.type === "json_schema" ? asked.response_format.json_schema : undefined;
  const names = new Map(
    asked.messages.flatMap((one) => (one.role === "assistant" ? (one.tool_calls ?? []).map((made) => [made.id, made.function.name] as const) : [])),
  );
  return {
    model: admitted.offer.model,
    system: asked.messages.flatMap((one) => (one.role === "system" || one.role === "developer" ? [textOf(one.content)] : [])).join("\n\n"),
    messages: asked.messages.flatMap((one) => messageOf(one, names)),
    tools: asked.tools.map(({ function: { name, description, parameters } }) => ({ name, description, schema: parameters as Json })),
    maxOutputTokens: admitted.outputTokens,
    ...(format ? { output: { name: format.name, schema: format.schema as Json } } : {}),
    ...(typeof asked.temperature !== "number" ? {} : { temperature: asked.temperature }),
    ...(typeof asked.reasoning_effort !== "string" ? {} : { reasoningEffort: asked.reasoning_effort }),
  };
}

const textOf = (said: z.infer<typeof content>): string => (typeof said === "string" ? said : said.map(({ text }) => text).join(""));

function messageOf(one: z.infer<typeof message>, names: ReadonlyMap<string, string>): ModelMessage[] {
  switch (one.role) {
    case "user":
      return [{ role: "user", text: textOf(one.content) }];
    case "assistant":
      return [
        {
          role: "assistant",
          text: textOf(one.content ?? ""),
          toolCalls: (one.tool_calls ?? []).map((made) => ({ callId: made.id, name: made.function.name, args: parsed(made.function.arguments) })),
        },
      ];
    case "tool":
      return [{ role: "tool", callId: one.tool_call_id, name: names.get(one.tool_call_id) ?? "unknown", result: textOf(one.content) }];
    default:
      return [];
  }
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text === "" ? "{}" : text) as Json;
  } catch {
    throw new LoopError("call_refused", "The arguments of a tool call in the messages are not JSON.", { facts: { param: "messages" } });
  }
}

/** Settles the call by what came back. */
function settled({ settler, admitted }: OnItsWay, result: ModelResult, spokenBytes: number): Ending {
  if (result.kind === "answered") {
    const { usage, modelId } = result.answer;
    settler.settle(admitted, "done", { tokens: tokensOf(usage), outputBytes: Math.max(spokenBytes, bytesOf(result.answer)), model: modelId, failed: false });
    return "done";
  }
  const ending = result.failure.reason === "aborted" ? "left" : isCharged(result.failure) ? "broken" : "refused";
  settler.settle(admitted, ending, { ...UNKNOWN, outputBytes: spokenBytes, reason: result.failure.reason });
  return ending;
}

const tokensOf = ({ input, cached, output, reasoning }: ModelAnswer["usage"]): Seen["tokens"] =>
  input === null || output === null ? null : { input, cached, output, reasoning };
const bytesOf = ({ text, toolCalls }: ModelAnswer): number =>
  Buffer.byteLength(text) + (toolCalls.length === 0 ? 0 : Buffer.byteLength(JSON.stringify(toolCalls)));

async function whole(place: OnItsWay, asked: ChatRequest): Promise<GatewayAnswer> {
  const { deps, admitted } = place;
  const result = await deps.model.generate(callOf(place, asked), { signal: admitted.call.signal });
  settled(place, result, 0);
  if (result.kind === "failed") throw clientError(result.failure, deps.clock.nowMs());
  const { answer } = result;
  const calls = toolCallsOf(answer);
  const said = { role: "assistant", content: answer.text === "" && calls.length > 0 ? null : answer.text, ...(calls.length > 0 ? { tool_calls: calls } : {}) };
  const body = {
    ...envelope(place, "chat.completion", answer.modelId),
    choices: [{ index: 0, message: said, finish_reason: finishOf(answer) }],
    ...usageOf(answer),
  };
  return { kind: "whole", contentType: "application/json", bytes: Buffer.from(JSON.stringify(body)) };
}

function streamed(place: OnItsWay, asked: ChatRequest): GatewayAnswer {
  return { kind: "stream", contentType: "text/event-stream; charset=utf-8", pieces: frames(place, asked) };
}

/** The deltas as they come, then what is known at the end only: calls of tools, why it ended, the usage. */
async function* frames(place: OnItsWay, asked: ChatRequest): AsyncGenerator<Uint8Array> {
  const { deps, admitted } = place;
  const head = envelope(place, "chat.completion.chunk", admitted.offer.model);
  const frame = (body: object): Uint8Array => Buffer.from(`data: ${JSON.stringify({ ...head, ...body })}\n\n`);
  const delta = (said: object, finish: string | null = null) => frame({ choices: [{ index: 0, delta: said, finish_reason: finish }] });
  let heard: string[] = [];
  let spokenBytes = 0;
  let wake = Promise.withResolvers<void>();
  const left = new AbortController();
  const signal = AbortSignal.any([admitted.call.signal, left.signal]);
  let result: ModelResult | undefined;
  const onText = (text: string): void => {
    heard.push(text);
    spokenBytes += Buffer.byteLength(text);
    wake.resolve();
  };
  const generating = deps.model.generate(callOf(place, asked), { signal, onText }).then((ended) => {
    settled(place, ended, spokenBytes);
    result = ended;
    wake.resolve();
  });
  try {
    yield delta({ role: "assistant", content: "" });
    while (result === undefined || heard.length > 0) {
      if (heard.length === 0) await Promise.race([wake.promise, generating]);
      wake = Promise.withResolvers<void>();
      const text = heard.join("");
      heard = [];
      if (text !== "") yield delta({ content: text });
    }
    if (result.kind === "failed") return yield ERROR_FRAME;
    const calls = toolCallsOf(result.answer);
    if (calls.length > 0) yield delta({ tool_calls: calls.map((made, index) => ({ index, ...made })) });
    yield delta({}, finishOf(result.answer));
    if (admitted.wish.wantsUsage) yield frame({ choices: [], ...usageOf(result.answer) });
    yield Buffer.from("data: [DONE]\n\n");
  } finally {
    left.abort(); // a client that hung up: the call ends, and its end is settled above
  }
}

function envelope({ deps, admitted }: OnItsWay, object: string, model: string) {
  return { id: `chatcmpl-${admitted.id}`, object, created: Math.floor(deps.clock.nowMs() / 1_000), model };
}

const toolCallsOf = ({ toolCalls }: ModelAnswer) =>
  toolCalls.map(({ callId, name, args }) => ({ id: callId, type: "function", function: { name, arguments: JSON.stringify(args) } }));

const FINISH: Readonly<Record<ModelAnswer["finish"], string>> = {
  stop: "stop",
  length: "length",
  tool_calls: "tool_calls",
  content_filter: "content_filter",
  other: "stop",
};
const finishOf = ({ finish }: ModelAnswer): string => FINISH[finish];

/** Unknown is left out: a client must not read a zero for it. */
function usageOf({ usage: { input, cached, output, reasoning } }: ModelAnswer): object {
  if (input === null || output === null) return {};
  return {
    usage: {
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
      ...(cached === null ? {} : { prompt_tokens_details: { cached_tokens: cached } }),
      ...(reasoning === null ? {} : { completion_tokens_details: { reasoning_tokens: reasoning } }),
    },
  };
}
