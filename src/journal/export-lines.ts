import { isUtf8 } from "node:buffer";

const LINE_FEED = 0x0a;

/** Why the bytes are not the lines that were written, once known. */
export interface LineFault {
  what?: string;
}

/**
 * Cuts bytes at line feeds and nowhere else, so that every byte is either in a line or is the line feed after one. Stops at bytes that are not UTF-8 and at
 * a last line that does not end, and says so in `fault`.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, fault: LineFault): AsyncGenerator<string> {
  let open: Uint8Array[] = [];
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(LINE_FEED);
    if (end === -1) {
      open.push(chunk);
      continue;
    }
    const bytes = Buffer.concat([...open, chunk.subarray(0, end)]);
    open = [chunk.subarray(end + 1)];
    if (!isUtf8(bytes)) {
      fault.what = "there are bytes that are not UTF-8";
      return;
    }
    yield* bytes.toString("utf8").split("\n");
  }
  if (open.some((rest) => rest.length > 0)) fault.what = "the last line is cut off";
}
