import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { withoutLastLineBreak } from "#src/secrets/value.ts";

/** From standard input; what is typed on a terminal is not shown. */
export async function readHidden(question: string): Promise<string> {
  if (!process.stdin.isTTY) return withoutLastLineBreak(await text(process.stdin));
  process.stderr.write(`${question} (not shown): `);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await lines.question("");
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}
