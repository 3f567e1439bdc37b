import type { Verb } from "../verb.ts";
import { bodyOf } from "./body.ts";
import { speak } from "./speak.ts";

const MOST_WORDS = 5_000;

export const tell: Verb = {
  args: "<worker> <message…>",
  flags: { journal: { takes: "text", value: "text", means: "what the journal says in place of the usual line" } },
  words: { least: 1, most: MOST_WORDS },
  about: "It gets the message once, in order, with its next answer or when it looks by `told`. One that does not run is told nothing.",
  examples: ["loop _ tell fix-login 'the release is on Thursday'"],
  async run(given, context) {
    const [worker, ...words] = given.words as [string, ...string[]];
    const text = await bodyOf(words, { what: "message", usage: "loop _ tell <worker> <message…>" });
    const journal = given.text("journal");
    await speak(context, "tell", { input: { worker, text, ...(journal === undefined ? {} : { journal }) }, words: () => `told ${worker}` });
  },
};

export const told: Verb = {
  args: "[<worker>]",
  flags: {},
  words: { least: 0, most: 1 },
  about: "In order, a message a line, each given once. Without a name whoever speaks is meant.",
  examples: ["loop _ told", "loop _ told fix-login --json"],
  async run(given, context) {
    const worker = given.words[0] ?? (context.env["LOOP_SESSION_ID"] || undefined);
    await speak<{ messages: readonly { text: string }[] }>(context, "told", {
      input: worker === undefined ? {} : { worker },
      words: ({ messages }) => (messages.length === 0 ? "nothing new" : messages.map(({ text }) => text).join("\n")),
    });
  },
};

const DECIMAL = /^\d+(\.\d+)?(e-?\d+)?$/i;

export const cost: Verb = {
  args: "<kind> <id> <runner> <usd>",
  flags: {},
  words: { least: 4, most: 4 },
  about: "Counted as reported, not measured, against the run and the budgets of the worker. What is no amount above 0 is dropped without a word, exit code 0.",
  examples: ["loop _ cost worker fix-login pi 0.12"],
  async run(given, context) {
    const [kind, id, runner, usd] = given.words as [string, string, string, string];
    if (!DECIMAL.test(usd) || !(Number(usd) > 0)) return;
    await speak(context, "cost", { input: { kind, id, runner, usd }, words: () => `cost ${kind} ${id} ${runner} $${Number(usd)}` });
  },
};
