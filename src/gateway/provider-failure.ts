import type { ModelFailure } from "#src/acts/ports/model-port.ts";
import { LoopError } from "#src/kernel/errors.ts";

/** Nothing was asked of a model, or the provider says itself that it did nothing. */
const NOT_CHARGED: ReadonlySet<ModelFailure["reason"]> = new Set([
  "rate_limited",
  "overloaded",
  "usage_limit",
  "not_authorised",
  "bad_request",
  "context_too_long",
]);

export const isCharged = (failure: ModelFailure): boolean => failure.usage === null && !NOT_CHARGED.has(failure.reason);

/** What a client is told. Of a provider's own words only those about the call itself, without keys; how we stand with the provider is no business of a client. */
export function clientError(failure: ModelFailure, nowMs: number): LoopError {
  const retryAfterSeconds = failure.retryAtMs === null ? null : Math.max(1, Math.ceil((failure.retryAtMs - nowMs) / 1_000));
  const facts = { reason: failure.reason, ...(retryAfterSeconds === null ? {} : { retryAfterSeconds }) };
  switch (failure.reason) {
    case "bad_request":
    case "context_too_long":
    case "refused":
      return new LoopError("call_refused", failure.message, { facts });
    case "rate_limited":
    case "overloaded":
    case "usage_limit":
      return new LoopError("provider_limited", "The provider takes no more calls right now. Try again later.", { facts });
    case "not_authorised":
      return new LoopError(
        "provider_failed",
        "The provider refuses the key of this server. Whoever runs it finds the call, its provider and the reason in the journal (model.called).",
        {
          facts,
        },
      );
    default:
      return new LoopError("provider_failed", `The provider gave no answer that could be used (${failure.reason.replaceAll("_", " ")}).`, { facts });
  }
}
