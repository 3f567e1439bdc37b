import type { ModelFailure } from "#src/acts/ports/model-port.ts";
import type { SettledTokens } from "#src/ledger/store/settle.ts";

/** What was seen of an answer on its way through. */
export interface Seen {
  /** Null: the provider did not say, or said what cannot be. */
  readonly tokens: SettledTokens | null;
  /** Bytes of text and of arguments of tools: from them the output is reckoned where the provider did not say. */
  readonly outputBytes: number;
  /** What the provider says it ran. */
  readonly model: string | null;
  /** The answer said an error in the place of one. */
  readonly failed: boolean;
  /** Why there is no answer, as the provider has it; for the record. */
  readonly reason?: ModelFailure["reason"];
}

type Members = Readonly<Record<string, unknown>>;

/** Reads usage in OpenAI's words. Unknown is never zero: only embeddings have no output. */
function tokensIn(usage: unknown, embedding: boolean): SettledTokens | null {
  if (typeof usage !== "object" || usage === null) return null;
  const said = usage as Members;
  const detail = (group: string, name: string) => count((said[group] as Members | null | undefined)?.[name]);
  const input = count(said["prompt_tokens"]);
  const output = embedding ? 0 : count(said["completion_tokens"]);
  if (input === null || output === null) return null;
  const cached = detail("prompt_tokens_details", "cached_tokens");
  return { input, cached: cached !== null && cached <= input ? cached : null, output, reasoning: detail("completion_tokens_details", "reasoning_tokens") };
}

const count = (value: unknown): number | null => (Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null);

const lengthOf = (text: unknown): number => (typeof text === "string" ? Buffer.byteLength(text) : 0);

function spokenBytes(choices: unknown): number {
  if (!Array.isArray(choices)) return 0;
  return (choices as (Members | null)[]).reduce((sum, choice) => {
    const said = (choice?.["delta"] ?? choice?.["message"]) as Members | undefined;
    const calls = Array.isArray(said?.["tool_calls"]) ? (said["tool_calls"] as { function?: Members }[]) : [];
    const args = calls.reduce((bytes, call) => bytes + lengthOf(call.function?.["name"]) + lengthOf(call.function?.["arguments"]), 0);
    return sum + lengthOf(said?.["content"]) + lengthOf(said?.["reasoning_content"]) + lengthOf(said?.["refusal"]) + args;
  }, 0);
}

/** A whole answer; undefined: it is not one. */
export function readWhole(bytes: Uint8Array, embedding: boolean): Seen | undefined {
  const answer = parse(Buffer.from(bytes).toString("utf8"));
  if (!answer) return undefined;
  const failed = answer["error"] !== undefined && answer["error"] !== null && answer["choices"] === undefined && answer["data"] === undefined;
  return { tokens: tokensIn(answer["usage"], embedding), outputBytes: spokenBytes(answer["choices"]), model: textOf(answer["model"]), failed };
}

/** Follows a stream frame by frame. Frames pass as the bytes that they are, but for the one that tells a usage nobody but us asked for. */
export function createStreamMeter(wantsUsage: boolean): { take(piece: Uint8Array): Uint8Array[]; rest(): Uint8Array[]; seen(): Seen } {
  let pending: Buffer = Buffer.alloc(0);
  let tokens: SettledTokens | null = null;
  let outputBytes = 0;
  let model: string | null = null;
  let failed = false;

  /** False: it is not for the client. */
  const look = (frame: Buffer): boolean => {
    const data = dataOf(frame);
    if (data === "" || data === "[DONE]") return true;
    const chunk = parse(data);
    if (!chunk) return true;
    if (chunk["error"] !== undefined && chunk["error"] !== null) {
      failed = true;
      return false;
    }
    model ??= textOf(chunk["model"]);
    tokens = tokensIn(chunk["usage"], false) ?? tokens;
    outputBytes += spokenBytes(chunk["choices"]);
    const onlyUsage = typeof chunk["usage"] === "object" && chunk["usage"] !== null && Array.isArray(chunk["choices"]) && chunk["choices"].length === 0;
    return wantsUsage || !onlyUsage;
  };

  return {
    take(piece) {
      pending = pending.byteLength === 0 ? Buffer.from(piece) : Buffer.concat([pending, piece]);
      const passed: Buffer[] = [];
      for (let end = frameEnd(pending); end > 0; end = frameEnd(pending)) {
        const frame = pending.subarray(0, end);
        pending = pending.subarray(end);
        if (look(frame)) passed.push(frame);
      }
      return passed.length < 2 ? passed : [Buffer.concat(passed)];
    },
    rest: () => (pending.byteLength > 0 && look(pending) ? [pending] : []),
    seen: () => ({ tokens, outputBytes, model, failed }),
  };
}

/** Where the first frame ends, its blank line included; 0: it has not. Lines end with LF, CRLF or CR. */
function frameEnd(bytes: Buffer): number {
  const ends = [
    [bytes.indexOf("\n\n"), 2],
    [bytes.indexOf("\r\n\r\n"), 4],
    [bytes.indexOf("\r\r"), 2],
  ].filter(([at]) => at! >= 0);
  return ends.length === 0 ? 0 : Math.min(...ends.map(([at, length]) => at! + length!));
}

function dataOf(frame: Buffer): string {
  const lines = frame.toString("utf8").split(/\r\n|\n|\r/);
  return lines.flatMap((line) => (line.startsWith("data:") ? [line.slice(5).trimStart()] : [])).join("\n");
}

function parse(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : undefined;
  } catch {
    return undefined; // said by whoever reads it: it is no answer
  }
}

const textOf = (value: unknown): string | null => (typeof value === "string" && value !== "" && value.length <= 200 ? value : null);

/** A break in the middle can no longer be told by a status. */
export const ERROR_FRAME = Buffer.from(
  `data: ${JSON.stringify({ error: { message: "The provider broke off in the middle of its answer.", type: "server_error", param: null, code: "provider_failed" } })}\n\n`,
);
