import type { Flag, Verb } from "../verb.ts";
import { bodyOf } from "./body.ts";
import { speak } from "./speak.ts";

const JOURNAL: Readonly<Record<string, Flag>> = { journal: { takes: "text", value: "line", means: "the line of the journal; left out: what was done" } };
const MOST_WORDS = 10_000;
const BODY = "The text comes on standard input where it is left out or is a lone `-`; one that begins with a dash stands after `--`.";

const journalOf = (given: Parameters<Verb["run"]>[0]): object => {
  const journal = given.text("journal");
  return journal === undefined ? {} : { journal };
};

export const goalWrite: Verb = {
  args: "<id> [<text> | -]",
  flags: JOURNAL,
  words: { least: 1, most: MOST_WORDS },
  about: `Writes goals/<id>.md, which is in force at once. ${BODY}`,
  examples: ["loop _ goal write stock 'Keep ten of each in stock.'", "loop _ goal write stock < stock.md", "loop _ goal write stock -- '- ten of each'"],
  async run(given, context) {
    const [id = "", ...words] = given.words;
    const body = await bodyOf(words, { what: "goal", usage: "loop _ goal write <id> <text>" });
    return speak(context, "goal write", { input: { id, body, ...journalOf(given) }, words: () => `write-goal ${id}` });
  },
};

export const goalArchive: Verb = {
  args: "<id>",
  flags: JOURNAL,
  words: { least: 1, most: 1 },
  about: "Moves goals/<id>.md to goals/archive/. What is there already stays: the later one gets a number.",
  examples: ["loop _ goal archive stock"],
  run: (given, context) =>
    speak(context, "goal archive", { input: { id: given.words[0]!, ...journalOf(given) }, words: () => `archive-goal ${given.words[0]!}` }),
};

export const playbookWrite: Verb = {
  args: "[<text> | -]",
  flags: JOURNAL,
  words: { least: 0, most: MOST_WORDS },
  about: `Writes PLAYBOOK.md, which is in force at once. The last 20 texts are kept: \`loop playbook diff\`, \`loop playbook restore\`. ${BODY}`,
  examples: ["loop _ playbook write < PLAYBOOK.md"],
  async run(given, context) {
    const body = await bodyOf(given.words, { what: "playbook", usage: "loop _ playbook write <text>" });
    return speak(context, "playbook write", { input: { body, ...journalOf(given) }, words: () => "write-playbook" });
  },
};

export const sensorWrite: Verb = {
  args: "<name> [<script> | -]",
  flags: JOURNAL,
  words: { least: 1, most: MOST_WORDS },
  about: `A sensor is a program that runs again and again, so this only proposes it: nothing of it runs before an owner or admin has accepted it (\`loop proposals\`, \`loop accept\`). Without an ending the name is that of a shell script. ${BODY}`,
  examples: ["loop _ sensor write disk < disk.sh", "loop _ sensor write orders.py < orders.py"],
  async run(given, context) {
    const [name = "", ...words] = given.words;
    const script = await bodyOf(words, { what: "script", usage: "loop _ sensor write <name> <script>" });
    return speak<{ proposal: string }>(context, "sensor write", {
      input: { name, script, ...journalOf(given) },
      words: ({ proposal }) => `write-sensor ${name} · waits for \`loop accept ${proposal}\``,
    });
  },
};
