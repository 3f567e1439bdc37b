const LONGEST_WAIT_MS = 366 * 86_400_000;

/**
 * When the provider says the same call may be tried again: milliseconds since 1970, never before now; null where it says nothing that can be read.
 * In order: `retry-after-ms`, `Retry-After` (seconds or a date), what the body states, then the reset headers of limits that are used up.
 */
export function retryAtMs(said: { headers: Headers | undefined; error: ErrorFields }, nowMs: number): number | null {
  const headers = said.headers ?? new Headers();
  const at =
    after(headers.get("retry-after-ms"), { unitMs: 1, nowMs }) ??
    after(headers.get("retry-after"), { unitMs: 1_000, nowMs }) ??
    dateMs(headers.get("retry-after")) ??
    statedInBody(said.error, nowMs) ??
    latestReset(headers, nowMs);
  if (at === undefined || !Number.isFinite(at) || at > nowMs + LONGEST_WAIT_MS) return null;
  return Math.max(Math.ceil(at), nowMs);
}

/** The parts of a provider's error body that say when. */
export interface ErrorFields {
  readonly message: string;
  /** Seconds since 1970. */
  readonly resetsAt?: number | undefined;
  readonly resetsInSeconds?: number | undefined;
  /** Google's RetryInfo, such as `37s`. */
  readonly retryDelay?: string | undefined;
  /** Headers that OpenRouter repeats inside its error. */
  readonly headers?: Headers | undefined;
}

function after(text: string | null, { unitMs, nowMs }: { unitMs: number; nowMs: number }): number | undefined {
  return text !== null && /^\s*\d+(\.\d+)?\s*$/.test(text) ? nowMs + Number(text) * unitMs : undefined;
}

function dateMs(text: string | null): number | undefined {
  const at = text === null || /^-?[\d.]*$/.test(text.trim()) ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

function statedInBody(error: ErrorFields, nowMs: number): number | undefined {
  if (error.resetsAt !== undefined) return error.resetsAt * 1_000;
  if (error.resetsInSeconds !== undefined) return nowMs + error.resetsInSeconds * 1_000;
  const delayMs = error.retryDelay === undefined ? undefined : lengthMs(error.retryDelay);
  if (delayMs !== undefined) return nowMs + delayMs;
  // "You will regain access on 2026-02-01 at 00:00 UTC."
  const regain = /regain access on (\d{4}-\d{2}-\d{2})(?: at (\d{2}:\d{2}) UTC)?/.exec(error.message);
  if (regain) return dateMs(`${regain[1]}T${regain[2] ?? "00:00"}:00Z`);
  return error.headers && latestReset(error.headers, nowMs);
}

/** The latest reset among the limits with nothing remaining, or among all limits where none says how much remains. */
function latestReset(headers: Headers, nowMs: number): number | undefined {
  const limits: { remaining: number | undefined; at: number }[] = [];
  for (const [name, value] of headers) {
    if (!name.includes("ratelimit") || !name.includes("reset")) continue;
    const at = resetMs(value, nowMs);
    const remaining = headers.get(name.replace("reset", "remaining"));
    if (at !== undefined) limits.push({ at, remaining: remaining === null ? undefined : Number(remaining) });
  }
  const usedUp = limits.filter((limit) => limit.remaining === 0);
  const counted = usedUp.length > 0 ? usedUp : limits.filter((limit) => limit.remaining === undefined);
  return counted.length > 0 ? Math.max(...counted.map((limit) => limit.at)) : undefined;
}

/** `2026-01-01T00:00:00Z` (Anthropic), `6m0s` (OpenAI), seconds or milliseconds since 1970 (Anthropic's plans, OpenRouter), or seconds from now. */
function resetMs(text: string, nowMs: number): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) {
    const amount = Number(text);
    if (amount > 1e12) return amount;
    return amount > 1e9 ? amount * 1_000 : nowMs + amount * 1_000;
  }
  const lengthFromNowMs = lengthMs(text);
  return lengthFromNowMs === undefined ? dateMs(text) : nowMs + lengthFromNowMs;
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function lengthMs(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return undefined;
  return [...text.matchAll(/(?<!\d)(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)].reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? ""] ?? 0), 0);
}
