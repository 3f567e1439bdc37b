import type { FastifyRequest } from "fastify";
import { LoopError } from "#src/kernel/errors.ts";
import type { App } from "./app.ts";
import { jsonTrouble, unstorableTexts } from "./json-text.ts";
import { FieldError } from "./problem.ts";

export const BODY_LIMIT_BYTES = 10 * 1024 * 1024;

/** Bodies are JSON in UTF-8, as it was sent: nothing is unpacked, nothing else is read. */
export function readOnlyJson(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer", bodyLimit: BODY_LIMIT_BYTES }, async (request: FastifyRequest, body: Buffer) => {
    requireUtf8(request.headers["content-type"] ?? "");
    return parseJson(body);
  });
}

/** A body that passes through: it is JSON in UTF-8, and its texts are the business of whoever reads it in the end. @throws LoopError json_malformed | media_type_unsupported */
export function readJson(contentType: string, body: Uint8Array): unknown {
  requireUtf8(contentType);
  const text = decode(body);
  const value = parse(text);
  const trouble = jsonTrouble(text);
  if (trouble !== undefined) throw new LoopError("json_malformed", `The body is JSON that cannot be taken: ${trouble}.`);
  return value;
}

/** Undefined for an empty body: whether the route needs one is said by its schema. @throws LoopError json_malformed | input_invalid */
function parseJson(body: Uint8Array): unknown {
  if (body.length === 0) return undefined;
  const text = decode(body);
  const value = parse(text);
  const trouble = jsonTrouble(text);
  if (trouble !== undefined) throw new LoopError("json_malformed", `The body is JSON that cannot be taken: ${trouble}.`);
  const fields = unstorableTexts(value, "body");
  if (fields.length > 0)
    throw new FieldError(fields.map((field) => ({ field: field.slice(0, 200), expected: "text without NUL and without half of a surrogate pair" })));
  return value;
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch (cause) {
    throw new LoopError("json_malformed", "The body is not UTF-8. Expected JSON in UTF-8.", { cause });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const place = /\(line \d+ column \d+\)/.exec(String(cause))?.[0];
    const seen = text.startsWith("\uFEFF") ? "it starts with a byte order mark" : (place ?? "it ends too early");
    throw new LoopError("json_malformed", `The body is not JSON: ${seen}. Expected one JSON object in UTF-8.`, { cause });
  }
}

function requireUtf8(contentType: string): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType)?.[1];
  if (charset === undefined || /^utf-?8$/i.test(charset)) return;
  throw new LoopError("media_type_unsupported", `The body is said to be in ${charset.slice(0, 40)}. Expected application/json in UTF-8.`);
}
