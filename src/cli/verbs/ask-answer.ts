import type { Body } from "../client/api.ts";
import type { AskShape } from "../client/shapes.ts";
import { askFor, askIdFor } from "../references.ts";
import type { Context, Flag, Verb } from "../verb.ts";

const REASON: Readonly<Record<string, Flag>> = { reason: { takes: "text", value: "why", means: "why; kept in the record with the answer" } };

interface Answer {
  readonly askId: string;
  readonly answer: string;
  readonly reason: string | undefined;
}

async function give(context: Context, { askId, answer, reason }: Answer): Promise<void> {
  const body = await context.api().post(`/v1/asks/${askId}/answer`, { answer, ...(reason === undefined ? {} : { reason }) });
  if (context.json) context.print(body);
  else context.print(await words(body));
}

async function words(body: Body): Promise<string> {
  const { answeredText } = await import("../render/answered.ts");
  return answeredText(JSON.parse(body) as { outcome: string; missing: number; ask: AskShape });
}

const approval = (answer: "approve" | "deny"): Verb["run"] =>
  async function run(given, context) {
    const sought = { typed: given.words[0]!, fits: ({ kind }: AskShape) => kind === "approval", what: "act that waits for an approval" };
    const askId = await askIdFor(context.api(), sought);
    await give(context, { askId, answer, reason: given.text("reason") });
  };

export const askApprove: Verb = {
  args: "<ask-or-ticket>",
  flags: REASON,
  words: { least: 1, most: 1 },
  about: "The approval is for exactly the act and the arguments that `loop asks` shows: if either changes, it is asked again.",
  examples: ["loop approve 12", "loop approve ask_0199c0ffee00712a8b6e5d4c3b2a1908 --reason 'known firm'"],
  run: approval("approve"),
};

export const askDeny: Verb = {
  args: "<ask-or-ticket>",
  flags: REASON,
  words: { least: 1, most: 1 },
  examples: ["loop deny 12 --reason 'the guest has left'"],
  run: approval("deny"),
};

export const askAnswer: Verb = {
  args: "<ask-or-ticket> <text>",
  flags: REASON,
  words: { least: 2, most: 2 },
  about: "Where a question has options, the text is one of them. Whoever comes second is told who was first; that answer is kept as late and changes nothing.",
  examples: ["loop answer 12 done", "loop answer ask_0199c0ffee00712a8b6e5d4c3b2a1908 'use the side door'"],
  async run(given, context) {
    const [typed, answer] = given.words as [string, string];
    const askId = await askIdFor(context.api(), { typed, fits: () => true, what: "open question" });
    await give(context, { askId, answer, reason: given.text("reason") });
  },
};

export const askAcknowledge: Verb = {
  args: "<ticket-or-ask>",
  flags: REASON,
  words: { least: 1, most: 1 },
  about: "For somebody who told you so by telephone, say. The ticket stays dispatched: only a check, or a person's word, resolves it.",
  examples: ["loop ack 12"],
  async run(given, context) {
    const sought = { typed: given.words[0]!, fits: ({ kind }: AskShape) => kind === "acknowledgement", what: "dispatch that waits for an acknowledgement" };
    const ask = await askFor(context.api(), sought);
    await give(context, { askId: ask.id, answer: ask.options[0] ?? "acknowledged", reason: given.text("reason") });
  },
};
