import type { Attributes } from "#src/acts/ports/telemetry-port.ts";

/**
 * The names of OpenTelemetry's conventions for generative AI, version 1.45.0, and nothing but names: when they move, this is the file that moves.
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/
 */
export const SCHEMA_URL = "https://opentelemetry.io/schemas/1.45.0";

export const TOKEN_USAGE = "gen_ai.client.token.usage";
export const OPERATION_DURATION = "gen_ai.client.operation.duration";

export const agentSpan = (agent: string, conversation: string | null): { name: string; attributes: Attributes } => ({
  name: `invoke_agent ${agent}`,
  attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": agent, "gen_ai.conversation.id": conversation ?? undefined },
});

export interface ModelCallFacts {
  /** `provider:model`. */
  readonly model: string;
  readonly responseModel: string | undefined;
  readonly finish: string | undefined;
  readonly agent: string;
  readonly inputTokens: number | null;
  readonly cachedTokens: number | null;
  readonly outputTokens: number | null;
  readonly reasoningTokens: number | null;
}

export function modelSpan(call: ModelCallFacts): { name: string; attributes: Attributes } {
  const [provider, model] = partsOf(call.model);
  return {
    name: `chat ${model}`,
    attributes: {
      ...modelIdentity(call),
      "gen_ai.agent.name": call.agent,
      "gen_ai.provider.name": provider,
      "gen_ai.response.model": call.responseModel,
      "gen_ai.response.finish_reasons": call.finish === undefined ? undefined : [call.finish],
      "gen_ai.usage.input_tokens": call.inputTokens ?? undefined,
      "gen_ai.usage.cache_read.input_tokens": call.cachedTokens ?? undefined,
      "gen_ai.usage.output_tokens": call.outputTokens ?? undefined,
      "gen_ai.usage.reasoning.output_tokens": call.reasoningTokens ?? undefined,
    },
  };
}

export const toolSpan = (tool: string, callId: string | undefined): { name: string; attributes: Attributes } => ({
  name: `execute_tool ${tool}`,
  attributes: { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool, "gen_ai.tool.call.id": callId },
});

/** What every measurement of a model call says of it. */
export function modelIdentity({ model }: Pick<ModelCallFacts, "model">): Attributes {
  const [provider, name] = partsOf(model);
  return { "gen_ai.operation.name": "chat", "gen_ai.provider.name": provider, "gen_ai.request.model": name };
}

export const tokenType = (type: "input" | "output"): Attributes => ({ "gen_ai.token.type": type });

function partsOf(model: string): [provider: string, name: string] {
  const colon = model.indexOf(":");
  return colon < 0 ? ["unknown", model] : [model.slice(0, colon), model.slice(colon + 1)];
}
