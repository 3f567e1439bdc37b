import { createInterface } from "node:readline/promises";

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
  /** Ends the question: it was answered elsewhere, or the server stops. */
  readonly signal: AbortSignal;
  /** Ctrl-C at the question. */
  readonly interrupted: () => void;
}

/** Asks on the terminal until one of the words comes. The end of input counts as `later`. */
export async function askOnTerminal(question: string, { signal, interrupted }: Asking): Promise<Choice> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const { promise: ended, resolve: end } = Promise.withResolvers<Choice>();
  lines.on("close", () => end("later"));
  lines.on("SIGINT", () => {
    lines.close();
    interrupted();
  });
  process.stdin.on("error", () => lines.close()); // the terminal was closed
  const aborted = (): void => lines.close();
  signal.addEventListener("abort", aborted, { once: true });
  try {
    return await Promise.race([choose(lines.question.bind(lines), question), ended]);
  } finally {
    signal.removeEventListener("abort", aborted);
    lines.close();
    process.stdin.pause();
  }
}

async function choose(ask: (question: string) => Promise<string>, question: string): Promise<Choice> {
  for (;;) {
    const choice = WORDS[(await ask(question)).trim().toLowerCase()];
    if (choice !== undefined) return choice;
    process.stdout.write("Type a to approve, d to deny, or l to decide later in another terminal.\n");
  }
}
