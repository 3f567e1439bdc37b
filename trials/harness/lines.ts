import type { Readable } from "node:stream";

/** Calls with each whole line of the stream; errors of the stream are for whoever else listens. */
export function eachLine(stream: Readable, onLine: (text: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(onLine);
  });
  stream.on("error", () => undefined);
}
