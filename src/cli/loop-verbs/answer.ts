import type { Verb } from "../verb.ts";
import { look, speak } from "./speak.ts";

interface Asked {
  readonly alias: string;
  readonly worker: string | null;
  readonly prompt: string;
  readonly options: readonly string[];
  readonly stranded: boolean;
  readonly answer: string | null;
}

const MOST_WORDS = 1_000;

export const answer: Verb = {
  args: "<ask> <text…>",
  flags: {
    force: { means: "override an answer that was first; needs the token of a person who is owner or admin" },
    journal: { takes: "text", value: "text", means: "what the journal says in place of the usual line" },
  },
  words: { least: 2, most: MOST_WORDS },
  about:
    "The first answer wins; the same again is fine. Where a question has options, the text is one of them. An approval is answered by people alone: `loop approve`.",
  examples: ["loop _ answer fix-login-1 yes", "loop _ answer fix-login-2 use the side door"],
  run: (given, context) =>
    speak<Asked>(context, "answer", {
      input: { ask: given.words[0]!, text: given.words.slice(1).join(" "), force: given.has("force"), ...journalOf(given.text("journal")) },
      words: (asked) => `answered ${asked.alias}: ${asked.answer ?? ""}`,
    }),
};

const journalOf = (journal: string | undefined): object => (journal === undefined ? {} : { journal });

export const asks: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  about: "Oldest first. STRANDED: its worker is gone, and it can still be answered.",
  examples: ["loop _ asks", "loop _ asks --json"],
  async run(_given, context) {
    const body = await look(context, "asks");
    if (context.json) return context.print(body);
    const { asks: open } = JSON.parse(body) as { asks: readonly Asked[] };
    const { plainLine } = await import("#src/kernel/plain.ts");
    const lines = open.map(({ alias, worker, prompt, options, stranded }) => {
      const choices = options.length === 0 ? "" : ` [${options.join(", ")}]`;
      return plainLine(`⚑ ${alias}${worker === null ? "" : ` (${worker})`}${stranded ? " STRANDED" : ""}: ${prompt}${choices}`);
    });
    context.print(open.length === 0 ? "no pending asks" : lines.join("\n"));
  },
};
