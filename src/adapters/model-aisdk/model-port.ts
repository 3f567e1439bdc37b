import type { ModelCall, ModelPort, ModelResult } from "#src/acts/ports/model-port.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { generateStreamed, generateWhole, type RawAnswer, toAnswer, VendorError } from "./answer.ts";
import { failureOf, plainFailure } from "./failure.ts";
import { type Provider, type ProviderSources, type Resolved, resolveProvider, secretsOf } from "./providers.ts";
import { type PreparedCall, prepareCall } from "./request.ts";
import { usageOf } from "./usage.ts";
import { transportFetch, type TransportLimits } from "./transport.ts";
import { languageModel } from "./vendors.ts";
import { openWire, type WireLimits, type WireSession } from "./wire.ts";

export interface ModelPortOptions extends ProviderSources {
  /** Turns "in 20 seconds" into a time. */
  readonly clock: Clock;
  /** From the start of a call to its end; 300,000 when left out. */
  readonly timeoutMs?: number;
  /** Between two pieces of a streamed answer, from its first word on; 30,000 when left out. */
  readonly idleMs?: number;
  /** Until there is a connection; 10,000 when left out. */
  readonly connectMs?: number;
  /** From the connection until the answer begins; 120,000 when left out. */
  readonly headersMs?: number;
  /** Another way to the network, for a proxy. */
  readonly fetch?: typeof globalThis.fetch;
}

const DEFAULT_LIMITS: WireLimits & TransportLimits = { timeoutMs: 300_000, idleMs: 30_000, connectMs: 10_000, headersMs: 120_000 };

/** Models behind the AI SDK's vendor libraries. Nothing is loaded, resolved or connected before the first call. */
export function createModelPort(options: ModelPortOptions): ModelPort {
  const { timeoutMs = DEFAULT_LIMITS.timeoutMs, idleMs = DEFAULT_LIMITS.idleMs } = options;
  const { connectMs = DEFAULT_LIMITS.connectMs, headersMs = DEFAULT_LIMITS.headersMs } = options;
  const limits = { timeoutMs, idleMs };
  const fetch = options.fetch ?? transportFetch({ connectMs, headersMs });
  return {
    async generate(call, { signal, onText }) {
      const wire = openWire({ limits, signal, fetch });
      const seen: Seen = { provider: undefined };
      try {
        return await Promise.race([wire.ended, attempt(call, { options, wire, onText, seen })]);
      } catch (error) {
        if (wire.record.ended === undefined && !(error instanceof VendorError)) throw error; // a bug
        const provider = seen.provider?.name ?? call.model.split(":")[0] ?? "";
        return failed(failureOf(error, { record: wire.record, provider, hidden: secretsOf(seen.provider), nowMs: options.clock.nowMs() }));
      } finally {
        wire.close();
      }
    },
  };
}

interface Seen {
  provider: Provider | undefined;
}

interface Attempt {
  readonly options: ModelPortOptions;
  readonly wire: WireSession;
  readonly onText: ((delta: string) => void) | undefined;
  readonly seen: Seen;
}

async function attempt(call: ModelCall, { options, wire, onText, seen }: Attempt): Promise<ModelResult> {
  const resolved = await resolveProvider(options, call.model);
  if (resolved.kind === "unusable") return unusable(resolved);
  const provider = (seen.provider = resolved.provider);
  const prepared = prepareCall(call, provider);
  const raw = await send(prepared, { provider, wire, onText });
  const answer = toAnswer(raw, { call, wire: provider.wire, names: prepared.names, asked: provider.model });
  if (answer) return { kind: "answered", answer };
  const unread = plainFailure("malformed", `${provider.name} called a tool with arguments that are not JSON.`);
  return failed({ ...unread, usage: usageOf(provider.wire, raw.rawUsage) });
}

async function send(prepared: PreparedCall, to: { provider: Provider; wire: WireSession; onText: Attempt["onText"] }): Promise<RawAnswer> {
  const { wire, onText } = to;
  const model = await languageModel(to.provider, wire.fetch);
  const options = { ...prepared.options, abortSignal: wire.signal };
  // Where an answer is longer than Google gives at once, its library asks for the rest: refused in a stream, that leaves the first part; whole, nothing.
  if (!onText && to.provider.wire !== "google") return generateWhole(model, options);
  wire.record.thinking = true;
  return generateStreamed(model, options, {
    speaks: () => (wire.record.thinking = false),
    onText(delta) {
      if (!wire.signal.aborted) onText?.(delta); // else the caller has its result already
    },
    refusedMore: () => wire.record.wantedMore,
  });
}

const failed = (failure: Extract<ModelResult, { kind: "failed" }>["failure"]): ModelResult => ({ kind: "failed", failure });
const unusable = ({ reason, why, retryable }: Extract<Resolved, { kind: "unusable" }>) => failed(plainFailure(reason, why, retryable));
