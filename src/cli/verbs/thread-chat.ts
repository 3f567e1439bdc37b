import { isId } from "#src/kernel/ids.ts";
import { UsageError } from "../arguments.ts";
import { plain } from "#src/kernel/plain.ts";
import type { Context, Given, Verb } from "../verb.ts";

interface Turn {
  readonly threadId: string;
  readonly run?: { readonly id: string; readonly state: string; readonly reason: string | null };
  readonly answer?: { readonly author: string; readonly text: string };
  readonly asks?: readonly { readonly id: string; readonly kind: string; readonly prompt: string }[];
}

export const threadChat: Verb = {
  args: "[text]",
  flags: {
    agent: { takes: "text", value: "name", means: "with whom; left out: it is routed" },
    thread: { takes: "text", value: "id", means: "go on with this conversation" },
  },
  words: { least: 0, most: 1 },
  about:
    "With a text: one turn. Without: a line is a turn, until the end of the input. The id of the conversation is printed, so that --thread can go on with it.",
  examples: ["loop chat --agent helper", "loop chat --thread thr_0199c0ffee00712a8b6e5d4c3b2a1908 'And the invoice?'"],
  async run(given, context) {
    const threadId = await threadOf(given, context);
    const [text] = given.words;
    if (text !== undefined) return say(context, threadId, text);
    await converse(context, threadId);
  },
};

async function threadOf(given: Given, context: Context): Promise<string> {
  const known = given.text("thread");
  const agent = given.text("agent");
  if (known !== undefined && agent !== undefined) throw new UsageError("A conversation has its agent already. Expected --thread or --agent, not both.");
  if (known !== undefined && !isId("thr", known)) throw new UsageError("The id of a conversation looks like thr_ and 32 hexadecimal digits.");
  if (known !== undefined) return known;
  const opened = JSON.parse(await context.api().post("/v1/threads", agent === undefined ? {} : { agent })) as { id: string; agent: string };
  if (!context.json) context.say(`Conversation ${opened.id} with ${opened.agent}.`);
  return opened.id;
}

/** A line is a turn. What is typed while an agent thinks waits for the answer before it. */
async function converse(context: Context, threadId: string): Promise<void> {
  const { createInterface } = await import("node:readline");
  const lines = createInterface({ input: process.stdin, terminal: false });
  const isPerson = process.stdin.isTTY;
  const prompt = (): void => void (isPerson && process.stderr.write("> "));
  prompt();
  for await (const line of lines) {
    if (line.trim() !== "") await say(context, threadId, line);
    prompt();
  }
}

async function say(context: Context, threadId: string, text: string): Promise<void> {
  const body = await context.api().post(`/v1/threads/${threadId}/messages?wait=true`, { text });
  if (context.json) return context.print(body);
  const { run, answer, asks = [] } = JSON.parse(body) as Turn;
  if (answer) return context.print(plain(answer.text));
  for (const ask of asks)
    context.say(`It waits for an answer: ${plain(ask.prompt)} (${context.command()} ${ask.kind === "approval" ? "approve" : "answer"} ${ask.id})`);
  if (asks.length === 0)
    context.say(run ? `No answer: the run ${run.id} is ${run.state}${run.reason ? ` (${plain(run.reason)})` : ""}.` : "It is still at work.");
}
