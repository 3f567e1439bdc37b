import type { ModelFailure } from "#src/acts/ports/model-port.ts";
import { VendorError } from "./answer.ts";
import { errorIn, errorInBody, type ProviderError } from "./provider-error.ts";
import { retryAtMs } from "./retry-time.ts";
import { CONNECT_TIMEOUT, HEADERS_TIMEOUT } from "./transport.ts";
import type { WireRecord } from "./wire.ts";

type Reason = ModelFailure["reason"];

const LONGEST_MESSAGE = 300;
const SHORTEST_SECRET = 6; // shorter values would blank ordinary words

/** Whether the same call may succeed later. A plan's limit may when it names its end. */
const RETRYABLE: Record<Reason, boolean> = {
  rate_limited: true,
  overloaded: true,
  usage_limit: false,
  not_authorised: false,
  bad_request: false,
  context_too_long: false,
  refused: false,
  network: true,
  timed_out: true,
  server_error: true,
  malformed: true,
  aborted: true,
};

export interface FailureContext {
  readonly record: WireRecord;
  /** The provider's name in `loop.yaml`, for the message. */
  readonly provider: string;
  /** Values that no message may show. */
  readonly hidden: readonly string[];
  readonly nowMs: number;
}

/** Puts a failed call into a reason: first what this side did, then what was seen on the wire, last what the vendor's library said. */
export function failureOf(error: unknown, context: FailureContext): ModelFailure {
  const { record, provider } = context;
  switch (record.ended) {
    case "aborted":
      return plainFailure("aborted", `The call to ${provider} was stopped.`);
    case "timed_out":
      return plainFailure("timed_out", `${provider} had not finished its answer within the time limit.`);
    case "idle":
      return plainFailure("timed_out", `${provider} fell silent in the middle of its answer.`);
    case "too_large":
      return plainFailure("malformed", `${provider} sent more than an answer can be; reading was stopped.`);
  }
  if (record.requests === 0) return plainFailure("bad_request", tidy(`The call cannot be put to ${provider}: ${objectionOf(error)}`, context.hidden));
  if (record.status === undefined) return unreachable(record.networkError, provider);
  if (record.status < 200 || record.status >= 300) return refusedByStatus({ ...context, status: record.status });
  if (record.webPage) return plainFailure("malformed", `${provider} answered with a web page. Check its base URL, and what stands between.`);
  if (record.broken) return plainFailure("network", `The connection to ${provider} broke after ${record.receivedBytes} bytes of the answer.`);
  return insideAnswer(error, context);
}

/** A failure that needs no reading of what a provider said. The message is shown as it is. */
export function plainFailure(reason: Reason, message: string, retryable = RETRYABLE[reason]): ModelFailure {
  return { reason, message, retryable, retryAtMs: null, usage: null };
}

/** No connection was made, so nothing was asked and nothing is charged. */
const NEVER_CONNECTED: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);
const NOTHING_USED = { input: 0, cached: 0, output: 0, reasoning: 0, costUsd: 0 };

function unreachable(code: string | undefined, provider: string): ModelFailure {
  if (code === CONNECT_TIMEOUT) return { ...plainFailure("timed_out", `${provider} could not be connected to within the time limit.`), usage: NOTHING_USED };
  if (code === HEADERS_TIMEOUT || code === "UND_ERR_HEADERS_TIMEOUT")
    return plainFailure("timed_out", `${provider} did not begin to answer within the time limit.`);
  const failure = plainFailure("network", `${provider} could not be reached${code === undefined ? "" : ` (${code})`}.`);
  return code !== undefined && NEVER_CONNECTED.has(code) ? { ...failure, usage: NOTHING_USED } : failure;
}

function refusedByStatus(context: FailureContext & { status: number }): ModelFailure {
  const { record, status, provider } = context;
  if (status < 400) {
    return plainFailure("bad_request", `${provider} answered ${status}, a redirect, which is not followed. Set its base URL to the final address.`);
  }
  return stated({ said: errorInBody(record.errorBody, record.headers), status }, context) ?? plainFailure("malformed", `${provider} answered ${status}.`);
}

/** A 2xx that held no answer: an error told inside the stream, a stream cut short, or something that is no answer at all. */
function insideAnswer(error: unknown, context: FailureContext): ModelFailure {
  const { provider } = context;
  const own = error instanceof VendorError ? error : undefined;
  const said = saidInside(own?.cause);
  const failure = stated({ said, status: said.status ?? 200 }, context);
  if (failure) return failure;
  if (own?.began && !causes(own).some((cause) => UNREADABLE.test(cause.name)))
    return plainFailure("network", `${provider} stopped in the middle of its answer.`);
  return plainFailure("malformed", `${provider} sent an answer that could not be read.`);
}

/** Never the message of a library's own error: it repeats the body that could not be read. */
function saidInside(cause: unknown): ProviderError {
  if (!(cause instanceof Error)) return errorIn(cause);
  const { data, responseBody, statusCode } = cause as { data?: unknown; responseBody?: unknown; statusCode?: unknown };
  const read = data === undefined && typeof responseBody === "string" ? errorInBody(responseBody, undefined) : errorIn(data);
  return { ...read, status: read.status ?? (typeof statusCode === "number" ? statusCode : undefined) };
}

/** Names that the vendors' libraries give to what they cannot parse. */
const UNREADABLE = /^AI_(JSONParse|TypeValidation)Error$/;

/** A failure by the provider's own words; undefined when they say nothing known. */
function stated({ said, status }: { said: ProviderError; status: number }, context: FailureContext): ModelFailure | undefined {
  const reason = reasonOf(said, status);
  if (!reason) return undefined;
  const at = WAITING.has(reason) ? retryAtMs({ headers: context.record.headers, error: said }, context.nowMs) : null;
  const outOfMoney = reason === "usage_limit" && !hasEnd(said) && !said.words.some((word) => PLAN.test(word)); // a plan's limit ends, whether it says when or not
  const words = said.message === "" ? "" : `: ${said.message}`;
  return {
    reason,
    message: tidy(`${context.provider} answered ${status === 200 ? (said.words[0] ?? "with an error") : status}${words}`, context.hidden),
    retryable: reason === "usage_limit" ? !outOfMoney : RETRYABLE[reason],
    retryAtMs: outOfMoney ? null : at,
    usage: null,
  };
}

const WAITING: ReadonlySet<Reason> = new Set(["rate_limited", "overloaded", "usage_limit", "server_error"]);

const QUOTA = /^(insufficient_quota|billing_hard_limit_reached|billing_not_active|billing_error|insufficient_credits)$/;
const PLAN = /^usage_limit_(reached|exceeded)$/;
const UNAUTHORISED = /^(authentication_error|permission_error|invalid_api_key|api_key_invalid|unauthenticated|permission_denied|accessdenied(exception)?)$/;
const FILTERED = /^(content_filter|content_policy_violation|moderation_blocked|responsibleaipolicyviolation)$/;
const RATE = /^(rate_limit_error|rate_limit_exceeded|resource_exhausted|throttlingexception|too_many_requests)$/;
const BUSY = /^(overloaded_error|overloaded|server_is_overloaded|slow_down|unavailable|serviceunavailableexception)$/;
const TOO_LONG =
  /prompt is too long|input is too long|maximum context length|context[ _](length|window|size)|token count .{0,40}exceeds|exceeds? .{0,60}context|too many (input )?tokens/i;

/** Undefined where nothing speaks of a failure that is known. The order matters: an empty account also answers 429. */
function reasonOf(said: ProviderError, status: number): Reason | undefined {
  const says = (pattern: RegExp) => said.words.some((word) => pattern.test(word));
  if (status === 402 || says(QUOTA) || says(PLAN) || /credit balance is too low|regain access on/.test(said.message)) return "usage_limit";
  if (says(FILTERED) || (status === 403 && /flagged|moderation/i.test(said.message))) return "refused";
  if (status === 401 || status === 403 || says(UNAUTHORISED)) return "not_authorised";
  if (status === 429 || says(RATE)) return "rate_limited";
  if (status === 503 || status === 529 || says(BUSY)) return "overloaded";
  if (status === 413 || says(/^(context_length_exceeded|request_too_large)$/) || (status < 500 && TOO_LONG.test(said.message))) return "context_too_long";
  if (status === 408 || status === 504 || status === 524) return "timed_out";
  if (status >= 500 || says(/^(api_error|server_error|internal_error|internalserverexception|modelstreamerrorexception)$/)) return "server_error";
  if (status >= 400 || says(/^(invalid_request_error|validationexception|not_found_error)$/)) return "bad_request";
  return undefined;
}

const hasEnd = (said: ProviderError) => said.resetsAt !== undefined || said.resetsInSeconds !== undefined || /regain access on/.test(said.message);

const KEY_LIKE = /\b(?:sk|pk|rk|gsk|xai|or)-[\w*.-]{6,}|\bAIza[\w-]{10,}|\bABSK[\w+/=-]{10,}|\bBearer\s+\S+/g;

function tidy(text: string, hidden: readonly string[]): string {
  const shown = hidden.reduce((rest, value) => (value.length < SHORTEST_SECRET ? rest : rest.replaceAll(value, "[secret]")), text);
  const line = shown.replace(KEY_LIKE, "[secret]").replace(/\s+/g, " ").trim();
  return line.length <= LONGEST_MESSAGE ? line : `${line.slice(0, LONGEST_MESSAGE - 1)}…`;
}

/** Names of errors whose messages say what is wrong with a call and repeat nothing of it. */
const OBJECTIONS = /^AI_(UnsupportedFunctionality|LoadSetting|NoSuchModel|InvalidArgument)Error$/;

function objectionOf(error: unknown): string {
  const chain = causes(error);
  return chain.find((cause) => OBJECTIONS.test(cause.name))?.message ?? `its library failed (${chain.at(-1)?.name ?? "unknown"}).`;
}

function causes(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let cause = error; cause instanceof Error && !chain.includes(cause); cause = cause.cause) chain.push(cause);
  return chain;
}
