import { type Json, sha256 } from "#src/kernel/canonical-json.ts";

interface Content {
  readonly type: string;
  readonly text?: string;
  readonly data?: string;
  readonly mimeType?: string;
  readonly uri?: string;
  readonly name?: string;
  readonly resource?: { readonly uri?: string; readonly text?: string; readonly blob?: string; readonly mimeType?: string };
}

export interface ServerAnswer {
  readonly content?: readonly Content[];
  readonly structuredContent?: unknown;
  readonly isError?: boolean;
}

const MOST_ITEMS = 100;

/**
 * What a run keeps of an answer. Texts joined and cut visibly; anything else by kind, bytes and digest, never dropped silently. `failed`: the tool says that
 * it failed; what it says about that is as little to be trusted as any other text of its.
 */
export function resultOf(answer: ServerAnswer, maxBytes: number): Json {
  const content = answer.content ?? [];
  const texts = content.flatMap((item) => (typeof item.text === "string" ? [item.text] : typeof item.resource?.text === "string" ? [item.resource.text] : []));
  const others = content.filter((item) => item.type !== "text");
  const { text, cut } = cutText(texts.join("\n"), maxBytes);
  const structured = answer.structuredContent === undefined ? undefined : structuredOf(answer.structuredContent, maxBytes);
  return {
    text,
    ...(cut === undefined ? {} : { cut }),
    ...structured,
    ...(others.length === 0 ? {} : { other: others.slice(0, MOST_ITEMS).map(summaryOf) }),
    ...(others.length > MOST_ITEMS ? { notShown: others.length - MOST_ITEMS } : {}),
    ...(answer.isError === true ? { failed: true } : {}),
  };
}

/** An error of the protocol is the server's word too. */
export const failedResult = (code: number, message: string, maxBytes: number): Json => ({ ...(cutText(message, maxBytes) as object), failed: true, code });

function cutText(text: string, maxBytes: number): { text: string; cut?: string } {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return { text };
  const kept = new TextDecoder().decode(bytes.subarray(0, maxBytes), { stream: true });
  return { text: kept, cut: `${maxBytes} of ${bytes.length} bytes are shown` };
}

function structuredOf(value: unknown, maxBytes: number): { [key: string]: Json } {
  const text = JSON.stringify(value);
  const bytes = Buffer.byteLength(text);
  return bytes <= maxBytes ? { structured: value as Json } : { structuredCut: `${bytes} bytes, and ${maxBytes} is the most; sha256 ${sha256(text)}` };
}

function summaryOf(item: Content): Json {
  const encoded = item.data ?? item.resource?.blob;
  const bytes = encoded === undefined ? undefined : Buffer.from(encoded, "base64");
  const kind = item.mimeType ?? item.resource?.mimeType;
  const uri = item.uri ?? item.resource?.uri;
  return {
    kind: String(item.type).slice(0, 60),
    ...(kind === undefined ? {} : { mimeType: String(kind).slice(0, 120) }),
    ...(uri === undefined ? {} : { uri: String(uri).slice(0, 2_000) }),
    ...(item.name === undefined ? {} : { name: String(item.name).slice(0, 200) }),
    ...(bytes === undefined ? {} : { bytes: bytes.length, sha256: sha256(bytes) }),
  };
}
