import type { RunDetailShape } from "../client/shapes.ts";
import { idPath } from "../references.ts";
import type { Verb } from "../verb.ts";

export const runShow: Verb = {
  args: "<run>",
  flags: {},
  words: { least: 1, most: 1 },
  examples: ["loop run run_0199c0ffee00712a8b6e5d4c3b2a1908"],
  async run(given, context) {
    const body = await context.api().get(`/v1/runs/${idPath(given.words[0]!)}`);
    if (context.json) return context.print(body);
    const { runText } = await import("../render/run.ts");
    context.print(runText(JSON.parse(body) as RunDetailShape, await context.look()));
  },
};
