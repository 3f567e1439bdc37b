import type { ModelCall, ModelFile, ModelMessage } from "#src/acts/ports/model-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Wire } from "./providers.ts";
import { fitsStrictMode } from "./strict-schema.ts";
import { type ToolNames, toolNames } from "./tool-names.ts";
import type { CallOptions } from "./vendors.ts";

type Prompt = CallOptions["prompt"];
type PromptMessage = Prompt[number];
type ToolMessage = Extract<PromptMessage, { role: "tool" }>;
type JsonSchema = NonNullable<CallOptions["tools"]>[number] extends infer Tool ? (Tool extends { inputSchema: infer Schema } ? Schema : never) : never;
type VendorOptions = NonNullable<CallOptions["providerOptions"]>;

/** What goes to the vendor's library for one call. */
export interface PreparedCall {
  readonly options: CallOptions;
  readonly names: ToolNames;
}

export function prepareCall(call: ModelCall, to: { wire: Wire; model: string }): PreparedCall {
  const names = toolNames([...call.tools.map((tool) => tool.name), ...call.messages.flatMap(namesIn)]);
  const thinking = thinkingOf(call, to);
  const vendorOptions = vendorOptionsOf(call, to.wire);
  const options: CallOptions = {
    prompt: promptOf(call, names),
    maxOutputTokens: call.maxOutputTokens,
    ...(call.temperature === undefined ? {} : { temperature: call.temperature }),
    ...(call.tools.length === 0 ? {} : { tools: toolsOf(call, { names, wire: to.wire }), toolChoice: { type: "auto" } }),
    ...(call.output ? { responseFormat: { type: "json", name: nameOfOutput(call.output.name), schema: call.output.schema as JsonSchema } } : {}),
    ...(vendorOptions ? { providerOptions: vendorOptions } : {}),
    ...thinking,
  };
  return { options, names };
}

const namesIn = (message: ModelMessage) =>
  message.role === "assistant" ? message.toolCalls.map((call) => call.name) : message.role === "tool" ? [message.name] : [];

const nameOfOutput = (name: string) => name.replace(/[^a-zA-Z0-9_-]/g, "_").slice(0, 64) || "answer";

function promptOf(call: ModelCall, names: ToolNames): Prompt {
  const prompt: PromptMessage[] = call.system === "" ? [] : [{ role: "system", content: call.system }];
  for (const message of call.messages) {
    const last = prompt.at(-1);
    if (message.role === "user")
      prompt.push({ role: "user", content: [{ type: "text", text: message.text }, ...(message.files ?? []).map((file) => filePart(file, call))] });
    else if (message.role === "assistant") prompt.push(...assistantMessage(message, names));
    else if (last?.role === "tool") last.content.push(...toolMessage(message, names).content);
    else prompt.push(toolMessage(message, names));
  }
  return prompt;
}

type UserPart = Extract<PromptMessage, { role: "user" }>["content"][number];

/** Text goes as text; anything else as its bytes. A file whose bytes are gone is named, so that the model knows of it. */
function filePart({ digest, name, mediaType }: ModelFile, { files }: ModelCall): UserPart {
  const data = files?.get(digest);
  if (data === undefined) return { type: "text", text: `[the file ${name} is not kept any more]` };
  if (/^(text\/|application\/json$)/.test(mediaType)) return { type: "text", text: `[file ${name}]\n${new TextDecoder().decode(data)}` };
  return { type: "file", mediaType, filename: name, data: { type: "data", data } };
}

function assistantMessage(message: Extract<ModelMessage, { role: "assistant" }>, names: ToolNames): PromptMessage[] {
  const text = message.text === "" ? [] : [{ type: "text" as const, text: message.text }];
  const calls = message.toolCalls.map((made) => ({
    type: "tool-call" as const,
    toolCallId: made.callId,
    toolName: names.toWire(made.name),
    input: made.args,
  }));
  const content = [...text, ...calls];
  return content.length === 0 ? [] : [{ role: "assistant", content }]; // providers refuse a message without content
}

function toolMessage(message: Extract<ModelMessage, { role: "tool" }>, names: ToolNames): ToolMessage {
  const { result } = message;
  const output = typeof result === "string" ? { type: "text" as const, value: result } : { type: "json" as const, value: withoutUndefined(result) };
  return { role: "tool", content: [{ type: "tool-result", toolCallId: message.callId, toolName: names.toWire(message.name), output }] };
}

type SentJson = Extract<Extract<ToolMessage["content"][number], { type: "tool-result" }>["output"], { type: "json" }>["value"];
const withoutUndefined = (value: Json) => JSON.parse(JSON.stringify(value)) as SentJson;

function toolsOf(call: ModelCall, to: { names: ToolNames; wire: Wire }): NonNullable<CallOptions["tools"]> {
  return call.tools.map((tool) => ({
    type: "function",
    name: to.names.toWire(tool.name),
    description: tool.description,
    inputSchema: tool.schema as JsonSchema,
    // Left out, OpenAI makes every optional member a required one.
    ...(to.wire === "openai" ? { strict: fitsStrictMode(tool.schema) } : {}),
  }));
}

function vendorOptionsOf(call: ModelCall, wire: Wire): VendorOptions | undefined {
  const strictJsonSchema = call.output !== undefined && fitsStrictMode(call.output.schema);
  switch (wire) {
    case "openai": // nothing is kept at the vendor
      return { openai: { store: false, strictJsonSchema, reasoningSummary: null } };
    case "openai-compatible":
      return { compatible: { strictJsonSchema } };
    case "openrouter":
      return { openrouter: openrouterBody(call, strictJsonSchema) };
    default:
      return undefined;
  }
}

/** Members of the request body: this library knows no other way to say them call by call. */
function openrouterBody(call: ModelCall, strict: boolean): VendorOptions[string] {
  const { output, reasoningEffort } = call;
  const format = output && { type: "json_schema", json_schema: { name: nameOfOutput(output.name), strict, schema: withoutUndefined(output.schema) } };
  return { ...(format ? { response_format: format } : {}), ...(reasoningEffort ? { reasoning: { effort: reasoningEffort } } : {}) };
}

const THINKING_SHARE = { low: 0.25, medium: 0.5, high: 0.75 } as const;
const LEAST_THINKING_TOKENS = 1_024;
const CLAUDE_WITH_THINKING_BUDGET = /claude-(3|(opus|sonnet|haiku)-4-([015]\b|20))/;

/**
 * Reasoning never raises what a call may bill: Anthropic's library would add the thinking to `maxOutputTokens`, so there the budget is cut out of it.
 * Models with a thinking budget also refuse to think on when earlier thinking is not sent back, and it is not kept: after a tool result they answer at once.
 */
function thinkingOf(call: ModelCall, to: { wire: Wire; model: string }): Partial<CallOptions> {
  const effort = call.reasoningEffort;
  if (effort === undefined || to.wire === "bedrock" || to.wire === "openrouter") return {};
  if (to.wire !== "anthropic") return { reasoning: effort };
  if (!CLAUDE_WITH_THINKING_BUDGET.test(to.model)) return { providerOptions: { anthropic: { thinking: { type: "adaptive" }, effort } } };
  const budgetTokens = Math.max(LEAST_THINKING_TOKENS, Math.floor(call.maxOutputTokens * THINKING_SHARE[effort]));
  const answerTokens = call.maxOutputTokens - budgetTokens;
  if (answerTokens < LEAST_THINKING_TOKENS || call.messages.at(-1)?.role === "tool") return {};
  return { maxOutputTokens: answerTokens, providerOptions: { anthropic: { thinking: { type: "enabled", budgetTokens } } } };
}
