import type { ErrorFields } from "./retry-time.ts";

/** What a provider said about a failure, whatever shape it said it in. */
export interface ProviderError extends ErrorFields {
  /** Every code, type and status word of the error, in lower case. */
  readonly words: readonly string[];
  /** The HTTP status that the error itself names, which counts where it came inside a 200. */
  readonly status: number | undefined;
}

const NOTHING: ProviderError = { words: [], status: undefined, message: "" };

/** Reads the body of an answer that was not 2xx. Text that is not JSON gives nothing: bodies never get into messages. */
export function errorInBody(body: string, headers: Headers | undefined): ProviderError {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    value = undefined;
  }
  const named = headers?.get("x-amzn-errortype")?.split(":")[0];
  const read = errorIn(value);
  return named ? { ...read, words: [...read.words, named.toLowerCase()] } : read;
}

/** Reads an error that came inside a stream, as the vendor's library handed it on. */
export function errorIn(value: unknown): ProviderError {
  const outer = members(Array.isArray(value) ? value[0] : value);
  if (!outer) return typeof value === "string" ? { ...NOTHING, message: value } : NOTHING;
  const inner = members(outer["data"]) ?? outer;
  const error = members(members(inner["response"])?.["error"]) ?? members(inner["error"]) ?? inner;
  const details = (Array.isArray(error["details"]) ? error["details"] : []).map(members).filter((detail) => detail !== undefined);
  const metadata = members(error["metadata"]);
  return {
    words: [error["code"], error["type"], error["status"], error["__type"], outer["type"], outer["code"], ...details.map((detail) => detail["reason"])]
      .filter((word) => typeof word === "string")
      .map((word) => word.toLowerCase()),
    status: [outer["statusCode"], outer["status_code"], error["code"], error["status"]].map(httpStatus).find((status) => status !== undefined),
    message: [error["message"], inner["error"], error["Message"], inner["detail"], outer["message"]].find((text) => typeof text === "string") ?? "",
    resetsAt: number(error["resets_at"]),
    resetsInSeconds: number(error["resets_in_seconds"]),
    retryDelay: details.map((detail) => detail["retryDelay"]).find((delay) => typeof delay === "string"),
    headers: metadata && members(metadata["headers"]) ? headersOf(members(metadata["headers"]) ?? {}) : undefined,
  };
}

type Members = Readonly<Record<string, unknown>>;
const members = (value: unknown): Members | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : undefined;
const number = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : undefined);
const httpStatus = (value: unknown) => (Number.isInteger(value) && (value as number) >= 100 && (value as number) <= 599 ? (value as number) : undefined);

function headersOf(said: Members): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(said)) if (/^[\w-]+$/.test(name)) headers.set(name, String(value).replace(/[^\x20-\x7e]/g, ""));
  return headers;
}
