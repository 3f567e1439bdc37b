import type { ModelFailure } from "./model-port.ts";

/** Where a provider is, as loop.yaml or a file of `models/` says it. */
export interface WireProvider {
  readonly wire: string;
  readonly baseUrl?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly region?: string | undefined;
}

export interface WireRequest {
  /** `provider:model`. */
  readonly model: string;
  readonly providers: Readonly<Record<string, WireProvider>>;
  readonly path: "chat/completions" | "embeddings";
  /** Sent as it is, but for `model`, which becomes the provider's own word for it. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

/** answered: a 2xx has begun; reading `body` throws a WireBroken when the other side breaks off, falls silent or sends without end. */
export type WireAnswer =
  | { readonly kind: "answered"; readonly contentType: string; readonly body: AsyncIterable<Uint8Array> }
  | { readonly kind: "failed"; readonly failure: ModelFailure };

/** An answer that broke off, with what is known of why. */
export class WireBroken extends Error {
  override readonly name = "WireBroken";
  readonly failure: ModelFailure;
  constructor(failure: ModelFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Providers that speak OpenAI's words, reached without translating anything. Keys stay on this side; what a provider said of an error does too. */
export interface OpenAIWirePort {
  /** Undefined: the provider speaks another wire. */
  speaks(model: string, providers: WireRequest["providers"]): "openai" | "compatible" | undefined;
  /** One request at most; throws only for bugs. */
  send(request: WireRequest): Promise<WireAnswer>;
}
