import type { RunDetailShape } from "../client/shapes.ts";
import { idPath } from "../references.ts";
import type { Verb } from "../verb.ts";

export const runShow: Verb = {
  args: "<run>",
  flags: { follow: { means: "show what happens and what its models say, until it ends or Ctrl-C; it reconnects by itself" } },
  words: { least: 1, most: 1 },
  about: "What a model says is shown while it says it, for watching only; what counts is in the run. With --follow and --json one JSON object a line.",
  examples: ["loop run run_0199c0ffee00712a8b6e5d4c3b2a1908", "loop run run_0199c0ffee00712a8b6e5d4c3b2a1908 --follow"],
  async run(given, context) {
    if (given.has("follow")) {
      const { followRun } = await import("../client/run-following.ts");
      return followRun(context, given.words[0]!);
    }
    const body = await context.api().get(`/v1/runs/${idPath(given.words[0]!)}`);
    if (context.json) return context.print(body);
    const { runText } = await import("../render/run.ts");
    context.print(runText(JSON.parse(body) as RunDetailShape, await context.look()));
  },
};
