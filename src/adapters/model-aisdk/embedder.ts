import type { Embedder } from "#src/acts/ports/embedder.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { VendorError } from "./answer.ts";
import { failureOf } from "./failure.ts";
import { type Provider, type ProviderSources, resolveProvider, secretsOf } from "./providers.ts";
import { type EmbeddingModel, embeddingModel } from "./vendors.ts";
import { openWire } from "./wire.ts";

export interface EmbedderOptions extends ProviderSources {
  /** `provider:model`, such as `openai:text-embedding-3-small`. */
  readonly model: string;
  /** Left out: the model's own number, which is asked of the provider once when it is not known here. */
  readonly dimensions?: number;
  readonly clock: Clock;
  /** For one request of up to 96 texts; 60,000 when left out. */
  readonly timeoutMs?: number;
  readonly fetch?: typeof globalThis.fetch;
}

const TEXTS_A_REQUEST = 96;
const DEFAULT_TIMEOUT_MS = 60_000;

/** Sources: the vendors' model pages. */
const KNOWN_DIMENSIONS: Readonly<Record<string, number>> = {
  "text-embedding-3-small": 1536,
  "text-embedding-3-large": 3072,
  "text-embedding-ada-002": 1536,
  "gemini-embedding-001": 3072,
  "amazon.titan-embed-text-v2:0": 1024,
  "cohere.embed-english-v3": 1024,
  "cohere.embed-multilingual-v3": 1024,
};

/**
 * An embedder at a provider; one try a request, no retry. For a model whose number of dimensions is not known it sends one request at once.
 * @throws LoopError embedder_unavailable
 */
export async function createEmbedder(options: EmbedderOptions): Promise<Embedder> {
  const model = options.model.slice(options.model.indexOf(":") + 1);
  const dimensions = options.dimensions ?? KNOWN_DIMENSIONS[model] ?? (await probe(options));
  return {
    id: `${options.model}@${dimensions}`,
    dimensions,
    async embed(texts, signal) {
      const vectors: Float32Array[] = [];
      while (vectors.length < texts.length) vectors.push(...(await nextBatch(options, { texts: texts.slice(vectors.length), signal, dimensions })));
      return vectors;
    },
  };
}

async function probe(options: EmbedderOptions): Promise<number> {
  const [vector] = await nextBatch(options, { texts: ["dimensions"], signal: new AbortController().signal, dimensions: undefined });
  return vector?.length ?? 0;
}

interface Batch {
  readonly texts: readonly string[];
  readonly signal: AbortSignal;
  readonly dimensions: number | undefined;
}

/** Vectors of the first texts, as many as the provider takes in one request; at least one. */
async function nextBatch(options: EmbedderOptions, batch: Batch): Promise<Float32Array[]> {
  const resolved = await resolveProvider(options, options.model);
  if (resolved.kind === "unusable") throw unavailable(options, resolved.why);
  const { provider } = resolved;
  const idleMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const wire = openWire({ limits: { timeoutMs: idleMs, idleMs }, signal: batch.signal, fetch: options.fetch ?? globalThis.fetch });
  try {
    const model = await embeddingModel(provider, { fetch: wire.fetch, dimensions: options.dimensions });
    if (!model) throw unavailable(options, `Provider "${provider.name}" has no embeddings. Name another embedder in loop.yaml.`);
    const texts = batch.texts.slice(0, await batchSize(provider, model));
    const found = await Promise.race([wire.ended, ask({ model, provider, options }, texts, wire.signal)]);
    return unitVectors(found, { options, count: texts.length, dimensions: batch.dimensions });
  } catch (error) {
    if (wire.record.ended === undefined && !(error instanceof VendorError)) throw error;
    const context = { record: wire.record, provider: provider.name, hidden: secretsOf(provider), nowMs: options.clock.nowMs() };
    const failure = failureOf(error, context);
    throw unavailable(options, failure.message, { reason: failure.reason, retryable: failure.retryable });
  } finally {
    wire.close();
  }
}

/** Ollama's library sends one request for each text of a batch. */
async function batchSize(provider: Provider, model: EmbeddingModel): Promise<number> {
  return provider.wire === "ollama" ? 1 : Math.min(TEXTS_A_REQUEST, (await model.maxEmbeddingsPerCall) ?? TEXTS_A_REQUEST);
}

async function ask(
  of: { model: EmbeddingModel; provider: Provider; options: EmbedderOptions },
  texts: string[],
  abortSignal: AbortSignal,
): Promise<number[][]> {
  const { dimensions } = of.options;
  // Bedrock's library knows only its own word for it; for OpenRouter and Ollama it is a setting of the model.
  const wanted = dimensions === undefined ? {} : { dimensions, providerOptions: { bedrock: { dimensions } } };
  try {
    // An empty text is an error at most providers; a space is not.
    const values = texts.map((text) => (text.trim() === "" ? " " : text));
    return (await of.model.doEmbed({ values, abortSignal, ...wanted })).embeddings;
  } catch (error) {
    throw new VendorError("the provider's library failed", { cause: error });
  }
}

function unitVectors(
  found: readonly (readonly number[])[],
  expected: { options: EmbedderOptions; count: number; dimensions: number | undefined },
): Float32Array[] {
  const { options, count, dimensions } = expected;
  if (found.length !== count) throw unavailable(options, `${options.model} gave ${found.length} vectors for ${count} texts.`);
  return found.map((numbers) => {
    const length = Math.hypot(...numbers);
    if (dimensions !== undefined && numbers.length !== dimensions) {
      throw unavailable(
        options,
        `${options.model} gave vectors of ${numbers.length} numbers; ${dimensions} were expected. Set its dimensions, and index anew.`,
      );
    }
    if (!Number.isFinite(length) || length === 0) throw unavailable(options, `${options.model} gave a vector without a direction.`);
    return Float32Array.from(numbers, (number) => number / length);
  });
}

function unavailable(options: EmbedderOptions, message: string, facts: { reason?: string; retryable?: boolean } = {}): LoopError {
  return new LoopError("embedder_unavailable", message, { facts: { model: options.model, ...facts } });
}
