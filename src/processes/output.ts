import type { Readable } from "node:stream";

export interface Output {
  /** What was kept, as text: bytes that are no UTF-8, and NUL, which PostgreSQL cannot store, become U+FFFD; a character cut in half is dropped. */
  text(): string;
  truncated(): boolean;
}

/** Keeps the first bytes of a stream and reads the rest away, so that the writer is never held up. `onCut` is called at the first that is not kept. */
export function collect(stream: Readable, maxBytes: number, onCut: () => unknown = () => undefined): Output {
  const chunks: Buffer[] = [];
  let kept = 0;
  let truncated = false;
  stream.on("data", (chunk: Buffer) => {
    const part = chunk.subarray(0, maxBytes - kept);
    if (part.length < chunk.length && !truncated) {
      truncated = true;
      onCut();
    }
    if (part.length === 0) return;
    chunks.push(part);
    kept += part.length;
  });
  stream.on("error", () => undefined); // a pipe that breaks when the tree is killed has ended, and that is all
  return {
    text: () => new TextDecoder().decode(Buffer.concat(chunks), { stream: truncated }).replaceAll("\0", "\uFFFD"),
    truncated: () => truncated,
  };
}
