import type { RunShape } from "../client/shapes.ts";
import { idPath } from "../references.ts";
import type { Verb } from "../verb.ts";
import { REASON_FLAG, requiredReason } from "./run-cancel.ts";

type Name = "pause" | "resume" | "retry";

const WHY: Readonly<Record<Name, string>> = { pause: "the vendor is closed today", resume: "the vendor is open again", retry: "the provider is back" };

const command = (name: Name, outcome: (run: RunShape) => string): Verb => ({
  args: "<run> --reason <why>",
  flags: REASON_FLAG,
  words: { least: 1, most: 1 },
  examples: [`loop ${name} run_0199c0ffee00712a8b6e5d4c3b2a1908 --reason '${WHY[name]}'`],
  async run(given, context) {
    const reason = requiredReason(name, given);
    const body = await context.api().post(`/v1/runs/${idPath(given.words[0]!)}/${name}`, { reason });
    context.print(context.json ? body : outcome(JSON.parse(body) as RunShape));
  },
});

export const runPause = command("pause", ({ id }) => `Run ${id} is paused. \`loop resume ${id}\` lets it go on.`);
export const runResume = command("resume", ({ id }) => `Run ${id} goes on.`);
export const runRetry = command("retry", ({ id }) => `Run ${id} begins the work again. \`loop run ${id}\` shows it.`);
