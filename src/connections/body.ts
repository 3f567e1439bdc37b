import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";

export interface Body {
  /** As many as the bound allowed. */
  readonly bytes: Buffer;
  readonly truncated: boolean;
}

const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

export interface BodyBounds {
  readonly method: string;
  readonly maxBytes: number;
  /** The end takes reading everything; more than this is not read. */
  readonly keeps?: "start" | "end";
}

const MOST_READ_FOR_THE_END = 67_108_864;

/** One end of an answer, unpacked; the bound counts unpacked bytes, so a small answer cannot become a large one. */
export async function readBody(response: IncomingMessage, { method, maxBytes, keeps = "start" }: BodyBounds): Promise<Body> {
  const decoder = DECODERS[String(response.headers["content-encoding"] ?? "").toLowerCase()];
  const isEmpty = method === "HEAD" || response.statusCode === 204 || response.statusCode === 304;
  const source = (decoder && !isEmpty ? unpacked(response, decoder()) : response) as Readable;
  const chunks: Buffer[] = [];
  const most = keeps === "start" ? maxBytes : MOST_READ_FOR_THE_END;
  let length = 0;
  let dropped = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > most) break;
      while (keeps === "end" && length - dropped - chunks[0]!.length >= maxBytes) dropped += chunks.shift()!.length;
    }
  } finally {
    response.destroy();
  }
  const bytes = Buffer.concat(chunks);
  return { bytes: keeps === "start" ? bytes.subarray(0, maxBytes) : bytes.subarray(-maxBytes), truncated: length > maxBytes };
}

function unpacked(response: IncomingMessage, decoder: NodeJS.ReadWriteStream): NodeJS.ReadWriteStream {
  response.on("error", (error) => (decoder as unknown as Readable).destroy(error));
  return response.pipe(decoder);
}
