import { UsageError } from "../arguments.ts";

/**
 * The text that a verb writes: the words, or what comes on standard input where there are none, or a lone `-`. Nobody is waited for at a keyboard.
 * @throws UsageError where there is none, or it is blank
 */
export async function bodyOf(words: readonly string[], { what, usage }: { what: string; usage: string }): Promise<string> {
  const typed = words.join(" ");
  const text = typed === "" || typed === "-" ? await standardInput({ what, usage }) : typed;
  if (text.trim() !== "") return text;
  throw new UsageError(`The ${what} is blank. Expected: ${usage}, or a text on standard input.`);
}

async function standardInput({ what, usage }: { what: string; usage: string }): Promise<string> {
  const input = process.stdin;
  if (input.isTTY) throw new UsageError(`There is no ${what}. Expected: ${usage}, or a text on standard input.`);
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString("utf8");
}
