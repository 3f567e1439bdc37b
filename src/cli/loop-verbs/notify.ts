import type { Verb } from "../verb.ts";
import { speak } from "./speak.ts";

export const notify: Verb = {
  args: "<message…>",
  flags: {
    id: { takes: "text", value: "worker", means: "the worker that it is about" },
    journal: { takes: "text", value: "line", means: "the line of the journal; left out: what was said" },
  },
  words: { least: 1, most: 10_000 },
  about: "Stands in the journal, and each owner gets it where they are reached, as an act of the agent root that policy decides on.",
  examples: ["loop _ notify 'the release is out'", "loop _ notify --id fix-login 'stuck since noon'"],
  run(given, context) {
    const message = given.words.join(" ");
    const [id, journal] = [given.text("id"), given.text("journal")];
    const input = { message, ...(id === undefined ? {} : { id }), ...(journal === undefined ? {} : { journal }) };
    return speak(context, "notify", { input, words: () => "notify" });
  },
};
