import type { OpenAIProvider } from "@ai-sdk/openai";
import { onlyJsonLines } from "./json-lines.ts";
import type { Provider, Wire } from "./providers.ts";

// The vendors' libraries share these shapes; taking them from one of them needs no dependency on the package that declares them.
export type LanguageModel = ReturnType<OpenAIProvider["languageModel"]>;
export type CallOptions = Parameters<LanguageModel["doGenerate"]>[0];
export type GenerateResult = Awaited<ReturnType<LanguageModel["doGenerate"]>>;
export type StreamPart = Awaited<ReturnType<LanguageModel["doStream"]>>["stream"] extends ReadableStream<infer Part> ? Part : never;
export type EmbeddingModel = ReturnType<OpenAIProvider["embeddingModel"]>;

type Endpoint = Provider & { readonly fetch: typeof globalThis.fetch };

interface Vendor {
  languageModel(at: Endpoint): Promise<LanguageModel>;
  embeddingModel(at: Endpoint, dimensions: number | undefined): Promise<EmbeddingModel | undefined>;
}

// Every setting that a library would otherwise read from the environment is given here, keys and base URLs first of all.
// A library is loaded with the first call that needs it: each costs 50 to 130 ms, and 5 to 20 MB beside zod.
const VENDORS: Record<Wire, Vendor> = {
  openai: {
    languageModel: async (at) => (await openai(at)).responses(at.model),
    embeddingModel: async (at) => (await openai(at)).embeddingModel(at.model),
  },
  "openai-compatible": {
    languageModel: async (at) => (await openaiCompatible(at)).languageModel(at.model),
    embeddingModel: async (at) => (await openaiCompatible(at)).embeddingModel(at.model),
  },
  anthropic: {
    async languageModel(at) {
      const { createAnthropic } = await import("@ai-sdk/anthropic");
      return createAnthropic({ baseURL: at.baseUrl, apiKey: at.key ?? "", fetch: at.fetch }).languageModel(at.model);
    },
    embeddingModel: async () => undefined,
  },
  google: {
    languageModel: async (at) => (await google(at)).languageModel(at.model),
    embeddingModel: async (at) => (await google(at)).embeddingModel(at.model),
  },
  openrouter: {
    languageModel: async (at) => (await openrouter(at)).chat(at.model, { usage: { include: true } }),
    embeddingModel: async (at, dimensions) =>
      (await openrouter(at)).textEmbeddingModel(at.model, dimensions === undefined ? {} : { extraBody: { dimensions } }),
  },
  ollama: {
    // `reliableObjectGeneration` would send further requests behind our back.
    languageModel: async (at) => (await ollama(at)).chat(at.model, { reliableObjectGeneration: false, reliableToolCalling: false }),
    embeddingModel: async (at, dimensions) => (await ollama(at)).embedding(at.model, dimensions === undefined ? {} : { dimensions }),
  },
  bedrock: {
    languageModel: async (at) => (await bedrock(at)).languageModel(at.model),
    embeddingModel: async (at) => (await bedrock(at)).embeddingModel(at.model),
  },
};

/** Loads the vendor's library when it is needed for the first time. */
export function languageModel(provider: Provider, fetch: typeof globalThis.fetch): Promise<LanguageModel> {
  return VENDORS[provider.wire].languageModel({ ...provider, fetch });
}

/** Undefined where the vendor has no embeddings. */
export function embeddingModel(
  provider: Provider,
  how: { fetch: typeof globalThis.fetch; dimensions: number | undefined },
): Promise<EmbeddingModel | undefined> {
  return VENDORS[provider.wire].embeddingModel({ ...provider, fetch: how.fetch }, how.dimensions);
}

async function openai(at: Endpoint) {
  const { createOpenAI } = await import("@ai-sdk/openai");
  return createOpenAI({ baseURL: at.baseUrl, apiKey: at.key ?? "", fetch: at.fetch });
}

async function openaiCompatible(at: Endpoint) {
  const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
  const key = at.key === undefined ? {} : { apiKey: at.key };
  return createOpenAICompatible({ name: "compatible", baseURL: at.baseUrl, ...key, fetch: at.fetch, includeUsage: true, supportsStructuredOutputs: true });
}

async function google(at: Endpoint) {
  const { createGoogle } = await import("@ai-sdk/google");
  return createGoogle({ baseURL: at.baseUrl, apiKey: at.key ?? "", fetch: at.fetch });
}

async function openrouter(at: Endpoint) {
  const { createOpenRouter } = await import("@openrouter/ai-sdk-provider");
  return createOpenRouter({ baseURL: at.baseUrl, apiKey: at.key ?? "", fetch: at.fetch, compatibility: "strict" });
}

async function ollama(at: Endpoint) {
  const { createOllama } = await import("ai-sdk-ollama");
  const fetch: typeof at.fetch = async (input, init) => {
    const response = await at.fetch(input, init);
    const streamed = typeof init?.body === "string" && init.body.includes('"stream":true');
    return streamed && response.body ? new Response(response.body.pipeThrough(onlyJsonLines()), response) : response;
  };
  return createOllama({ baseURL: at.baseUrl, fetch, ...(at.key === undefined ? {} : { apiKey: at.key }) });
}

async function bedrock(at: Endpoint) {
  const { createAmazonBedrock } = await import("@ai-sdk/amazon-bedrock");
  const place = { baseURL: at.baseUrl, region: at.region ?? "", fetch: at.fetch };
  const [accessKeyId = "", secretAccessKey, sessionToken] = (at.key ?? "").split(":");
  if (secretAccessKey === undefined) return createAmazonBedrock({ ...place, apiKey: accessKeyId });
  const signed = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  return createAmazonBedrock({ ...place, apiKey: "", ...signed });
}
