import { LoopError } from "#src/kernel/errors.ts";

export type Body = Readonly<Record<string, unknown>>;
export type GatewayPath = "chat/completions" | "embeddings";

export interface Sent {
  readonly path: GatewayPath;
  readonly body: Body;
  readonly sizeBytes: number;
}

/** What a call may use at most, before it is made. */
export interface Wish {
  readonly inputTokens: number;
  /** Of one choice; 0 for embeddings. */
  readonly outputTokens: number;
  readonly choices: number;
  readonly streams: boolean;
  /** The client itself asked for the usage at the end of a stream. */
  readonly wantsUsage: boolean;
}

/** Fewer bytes than this no tokenizer needs for a token on the whole, in any language. */
const BYTES_A_TOKEN = 2;
/** Providers count a picture by its size in dots, not by its bytes. */
const MOST_TOKENS_A_PICTURE = 40_000;
const MOST_CHOICES = 128;

/** Reads from a request what its cost depends on; everything else is the provider's business. @throws LoopError call_refused */
export function wishOf({ path, body, sizeBytes }: Sent, usualOutput: number): Wish {
  const inputTokens = Math.ceil((sizeBytes - savedBytes(body)) / BYTES_A_TOKEN);
  if (path === "embeddings") return { inputTokens, outputTokens: 0, choices: 1, streams: false, wantsUsage: false };
  const given = LIMITS.flatMap((name) => (body[name] === undefined || body[name] === null ? [] : [wholeNumber(name, body[name], Number.MAX_SAFE_INTEGER)]));
  return {
    inputTokens,
    outputTokens: given.length === 0 ? usualOutput : Math.min(...given),
    choices: body["n"] === undefined || body["n"] === null ? 1 : wholeNumber("n", body["n"], MOST_CHOICES),
    streams: body["stream"] === true,
    wantsUsage: (body["stream_options"] as { include_usage?: unknown } | null | undefined)?.include_usage === true,
  };
}

const LIMITS = ["max_completion_tokens", "max_tokens"] as const;

function wholeNumber(name: string, value: unknown, most: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most) return value as number;
  throw new LoopError("call_refused", `${name} must be a whole number of 1 or more${most === MOST_CHOICES ? `, ${most} at most` : ""}.`, {
    facts: { param: name },
  });
}

/** The request as it goes out: output limited to what was granted, usage asked for, everything else untouched. */
export function outgoingBody(body: Body, granted: { streams: boolean; outputTokens: number; speaks: "openai" | "compatible" }): Body {
  const { streams, outputTokens, speaks } = granted;
  const named = LIMITS.filter((name) => body[name] !== undefined && body[name] !== null);
  const names = named.length > 0 ? named : [speaks === "openai" ? LIMITS[0] : LIMITS[1]];
  const limits = Object.fromEntries(names.map((name) => [name, outputTokens]));
  const options = streams ? { stream_options: { ...(body["stream_options"] as object | null | undefined), include_usage: true } } : {};
  return { ...body, ...limits, ...options };
}

/** The bytes of pictures in the messages beyond what they can count for. */
function savedBytes(body: Body): number {
  const messages = Array.isArray(body["messages"]) ? (body["messages"] as { content?: unknown }[]) : [];
  let saved = 0;
  for (const message of messages) {
    if (!Array.isArray(message?.content)) continue;
    for (const part of message.content as ({ image_url?: { url?: unknown } } | null)[]) {
      const url = part?.image_url?.url;
      if (typeof url === "string" && url.startsWith("data:")) saved += Math.max(0, url.length - MOST_TOKENS_A_PICTURE * BYTES_A_TOKEN);
    }
  }
  return saved;
}
