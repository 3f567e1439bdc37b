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

/** The first bytes of an answer, unpacked; the bound counts unpacked bytes, so a small answer cannot become a large one. The rest is not read. */
export async function readBody(response: IncomingMessage, method: string, maxBytes: number): Promise<Body> {
  const decoder = DECODERS[String(response.headers["content-encoding"] ?? "").toLowerCase()];
  const isEmpty = method === "HEAD" || response.statusCode === 204 || response.statusCode === 304;
  const source = (decoder && !isEmpty ? unpacked(response, decoder()) : response) as Readable;
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) break;
    }
  } finally {
    response.destroy();
  }
  return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), truncated: length > maxBytes };
}

function unpacked(response: IncomingMessage, decoder: NodeJS.ReadWriteStream): NodeJS.ReadWriteStream {
  response.on("error", (error) => (decoder as unknown as Readable).destroy(error));
  return response.pipe(decoder);
}
