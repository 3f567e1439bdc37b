/**
 * Passes a stream of JSON lines on and fails it at the first line that is not JSON.
 * Ollama's library would skip such a line and print it, with whatever it holds, to the console.
 */
export function onlyJsonLines(): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  let begun = "";
  return new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      const lines = (begun + decoder.decode(chunk, { stream: true })).split("\n");
      begun = lines.pop() ?? "";
      for (const line of lines) requireJson(line);
      controller.enqueue(chunk);
    },
    flush: () => requireJson(begun + decoder.decode()),
  });
}

function requireJson(line: string): void {
  if (line.trim() !== "") JSON.parse(line);
}
