import type { Flag, Verb } from "../verb.ts";
import { speak } from "./speak.ts";

const SESSION: Readonly<Record<string, Flag>> = { session: { takes: "text", value: "name", means: "for whom; left out: whoever speaks" } };

const asked = (given: Parameters<Verb["run"]>[0]): object => {
  const session = given.text("session");
  return { name: given.words[0]!, ...(session === undefined ? {} : { session }) };
};

export const claim: Verb = {
  args: "<name>",
  flags: SESSION,
  words: { least: 1, most: 1 },
  about: "Exit code 1 when somebody else who lives holds it. A worker holds it while it lives, anybody else for fifteen minutes; claiming again renews it.",
  examples: ["loop _ claim deploy", "loop _ claim repo-web --session fix-login"],
  run: (given, context) => speak<{ name: string }>(context, "claim", { input: asked(given), words: ({ name }) => `claimed ${name}` }),
};

export const unclaim: Verb = {
  args: "<name>",
  flags: SESSION,
  words: { least: 1, most: 1 },
  about: "Free already is fine; what somebody else who lives holds is refused.",
  examples: ["loop _ unclaim deploy"],
  run: (given, context) => speak<{ name: string }>(context, "unclaim", { input: asked(given), words: ({ name }) => `unclaimed ${name}` }),
};
