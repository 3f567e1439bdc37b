import { createInterface, type Interface } from "node:readline/promises";
import type { Readable, Writable } from "node:stream";

/** `later`: nothing was decided here; somebody may answer elsewhere. */
export type Choice = "approve" | "deny" | "later";

const WORDS: Readonly<Record<string, Choice>> = {
  a: "approve",
  approve: "approve",
  y: "approve",
  yes: "approve",
  d: "deny",
  deny: "deny",
  n: "deny",
  no: "deny",
  l: "later",
  later: "later",
};

interface Asking {
  readonly input: Readable;
  readonly output: Writable;
  /** Ends the question: it was answered elsewhere, or the server stops. */
  readonly signal: AbortSignal;
  /** Ctrl-C at the question. */
  readonly interrupted: () => void;
}

/** Asks on the terminal until one of the words comes. The end of input, and of the terminal itself, count as `later`. */
export async function askOnTerminal(question: string, { input, output, signal, interrupted }: Asking): Promise<Choice> {
  const { promise: ended, resolve: end } = Promise.withResolvers<Choice>();
  const later = (): void => end("later");
  for (const stream of [input, output]) stream.on("error", later); // the terminal was closed
  const lines = createInterface({ input, output, prompt: question });
  lines.on("close", later);
  lines.on("SIGINT", () => {
    later();
    interrupted();
  });
  signal.addEventListener("abort", later, { once: true });
  if (signal.aborted) later();
  try {
    return await Promise.race([choose(lines, output), ended]);
  } finally {
    signal.removeEventListener("abort", later);
    lines.close();
    input.pause();
  }
}

/** What is typed ahead counts. */
async function choose(lines: Interface, output: Writable): Promise<Choice> {
  lines.prompt();
  for await (const line of lines) {
    const choice = WORDS[line.trim().toLowerCase()];
    if (choice !== undefined) return choice;
    output.write("Type a to approve, d to deny, or l to decide later in another terminal.\n");
    lines.prompt();
  }
  return "later";
}
