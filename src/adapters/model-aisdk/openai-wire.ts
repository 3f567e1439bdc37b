import type { IncomingMessage } from "node:http";
import { type OpenAIWirePort, WireBroken, type WireProvider, type WireRequest } from "#src/acts/ports/openai-wire-port.ts";
import type { ModelFailure } from "#src/acts/ports/model-port.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { type FailureContext, failureOf, plainFailure } from "./failure.ts";
import { type Provider, type ProviderEntry, type ProviderSources, resolveProvider, secretsOf, type Wire } from "./providers.ts";
import { request, type TransportLimits } from "./transport.ts";
import { emptyRecord, MAX_ANSWER_BYTES, MAX_ERROR_BODY_BYTES, type WireRecord } from "./wire.ts";

export interface OpenAIWireOptions extends Omit<ProviderSources, "providers"> {
  readonly clock: Clock;
  readonly limits: TransportLimits & { readonly idleMs: number };
}

const SPEAKERS: Partial<Record<Wire, "openai" | "compatible">> = {
  openai: "openai",
  "openai-compatible": "compatible",
  openrouter: "compatible",
  ollama: "compatible",
};

/** The providers whose own words are OpenAI's, over connections that are kept. */
export function createOpenAIWire(options: OpenAIWireOptions): OpenAIWirePort {
  return {
    speaks: (model, providers) => SPEAKERS[wireOf(model, providers)],
    async send(asked) {
      const providers = asked.providers as Readonly<Record<string, ProviderEntry>>;
      const resolved = await resolveProvider({ ...options, providers: () => providers }, asked.model);
      if (resolved.kind === "unusable") return { kind: "failed", failure: plainFailure(resolved.reason, resolved.why, resolved.retryable) };
      return ask(options, asked, resolved.provider);
    },
  };
}

function wireOf(model: string, providers: Readonly<Record<string, WireProvider>>): Wire {
  const name = model.slice(0, model.indexOf(":"));
  return (Object.hasOwn(providers, name) ? providers[name]!.wire : name) as Wire;
}

async function ask(options: OpenAIWireOptions, { path, body, signal }: WireRequest, provider: Provider) {
  const record = emptyRecord();
  record.requests = 1;
  const text = Buffer.from(JSON.stringify({ ...body, model: provider.model }));
  const headers = {
    "content-type": "application/json",
    "content-length": text.byteLength,
    ...(provider.key === undefined ? {} : { authorization: `Bearer ${provider.key}` }),
  };
  const context = { record, provider: provider.name, hidden: secretsOf(provider), nowMs: options.clock.nowMs() };
  const failed = (error: unknown) => ({ kind: "failed", failure: failureNow(error, context, signal) }) as const;
  let response: IncomingMessage;
  try {
    response = await request({ url: addressOf(provider, path), method: "POST", headers, body: text, signal }, options.limits);
  } catch (error) {
    record.networkError = (error as { code?: string }).code;
    return failed(error);
  }
  record.status = response.statusCode ?? 0;
  const contentType = response.headers["content-type"] ?? "application/json";
  record.webPage = /^\s*text\/html/i.test(contentType);
  if (record.status < 200 || record.status >= 300 || record.webPage) {
    record.headers = new Headers(
      Object.entries(response.headers).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])) as [string, string][],
    );
    record.errorBody = await startOf(response, options.limits.idleMs);
    return failed(undefined);
  }
  return { kind: "answered", contentType, body: watched(response, { ...context, idleMs: options.limits.idleMs, signal }) } as const;
}

/** Ollama's own words stand at the root, OpenAI's below /v1. */
const addressOf = ({ baseUrl, wire }: Provider, path: string): URL => new URL(`${baseUrl}${wire === "ollama" ? "/v1" : ""}/${path}`);

function failureNow(error: unknown, context: FailureContext, signal: AbortSignal): ModelFailure {
  if (signal.aborted) context.record.ended ??= "aborted";
  return failureOf(error, context);
}

async function startOf(response: IncomingMessage, idleMs: number): Promise<string> {
  const timer = setTimeout(() => response.destroy(), idleMs);
  let text = "";
  response.setEncoding("utf8");
  try {
    for await (const piece of response) {
      text += piece as string;
      if (text.length > MAX_ERROR_BODY_BYTES) break;
    }
  } catch {
    return text; // the status says enough
  } finally {
    clearTimeout(timer);
  }
  return text;
}

type Watch = FailureContext & { readonly record: WireRecord; readonly idleMs: number; readonly signal: AbortSignal };

async function* watched(response: IncomingMessage, watch: Watch): AsyncGenerator<Uint8Array> {
  const { record, idleMs } = watch;
  const onIdle = (): void => {
    record.ended ??= "idle";
    response.destroy(new Error("idle"));
  };
  let idle = setTimeout(onIdle, idleMs);
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      clearTimeout(idle);
      record.receivedBytes += piece.byteLength;
      if (record.receivedBytes > MAX_ANSWER_BYTES) {
        record.ended ??= "too_large";
        throw new Error("too large");
      }
      yield piece;
      idle = setTimeout(onIdle, idleMs);
    }
  } catch (error) {
    record.broken = true;
    throw new WireBroken(failureNow(error, watch, watch.signal));
  } finally {
    clearTimeout(idle);
    response.destroy();
  }
}
