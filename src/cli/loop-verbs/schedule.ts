import type { Verb } from "../verb.ts";
import { look, speak } from "./speak.ts";

interface Listed {
  readonly name: string;
  readonly signal: string | { readonly period: string | number };
  readonly next: string | null;
  readonly note: string;
}

const TEXTS = ["cron", "rrule", "note", "missed", "journal"] as const;
const journal = { takes: "text", value: "line", means: "the line of the journal; left out: what was done" } as const;

export const scheduleWrite: Verb = {
  args: "<name>",
  flags: {
    in: { takes: "text", value: "seconds", means: "once, so many seconds from now" },
    every: { takes: "text", value: "seconds", means: "again and again, so many seconds apart; 60 at least" },
    cron: { takes: "text", value: "fields", means: "five fields, such as '0 9 * * 1-5'" },
    rrule: { takes: "text", value: "rule", means: "RFC 5545, such as FREQ=WEEKLY;BYDAY=MO" },
    zone: { takes: "text", value: "time zone", means: "of --cron and --rrule; left out: that of the workspace" },
    note: { takes: "text", value: "text", means: "what it is for" },
    missed: { takes: "text", value: "once|skip", means: "what came while nobody looked: once it comes late (the usual), skip: it does not come" },
    journal,
  },
  words: { least: 1, most: 1 },
  about: "When it comes, the world moves: whoever waits is woken. It starts nothing by itself; triggers/ do. Exactly one of --in, --every, --cron and --rrule.",
  examples: ["loop _ schedule write check-orders --in 3600", "loop _ schedule write standup --cron '0 9 * * 1-5' --note 'ask how it goes'"],
  run(given, context) {
    const input: Record<string, unknown> = { name: given.words[0]! };
    for (const flag of ["in", "every"]) if (given.text(flag) !== undefined) input[flag] = numberOr(given.text(flag)!);
    for (const flag of TEXTS) if (given.text(flag) !== undefined) input[flag] = given.text(flag);
    if (given.text("zone") !== undefined) input["timeZone"] = given.text("zone");
    return speak(context, "schedule write", { input, words: () => `write-schedule ${given.words[0]!}` });
  },
};

/** What is no number goes as it is, for the server to refuse. */
const numberOr = (text: string): number | string => (text.trim() === "" || !Number.isFinite(Number(text)) ? text : Number(text));

export const scheduleRemove: Verb = {
  args: "<name>",
  flags: { journal },
  words: { least: 1, most: 1 },
  examples: ["loop _ schedule rm check-orders"],
  run: (given, context) => {
    const line = given.text("journal");
    const input = { name: given.words[0]!, ...(line === undefined ? {} : { journal: line }) };
    return speak(context, "schedule rm", { input, words: () => `drop-schedule ${given.words[0]!}` });
  },
};

export const scheduleList: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  about: "By name: pending, due, or the last time that it came, and when it comes next.",
  examples: ["loop _ schedule list", "loop _ schedule list --json"],
  async run(_given, context) {
    const body = await look(context, "schedule list");
    if (context.json) return context.print(body);
    const { schedules } = JSON.parse(body) as { schedules: readonly Listed[] };
    const { plainLine } = await import("#src/kernel/plain.ts");
    const line = ({ name, signal, next, note }: Listed): string =>
      plainLine(
        [
          name,
          typeof signal === "string" ? signal : `period ${signal.period}`,
          ...(next === null ? [] : [`next ${next}`]),
          ...(note === "" ? [] : [note]),
        ].join("  "),
      );
    context.print(schedules.length === 0 ? "no schedules" : schedules.map(line).join("\n"));
  },
};
