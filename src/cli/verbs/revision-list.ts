import type { RevisionShape } from "../client/workspace-shapes.ts";
import type { Verb } from "../verb.ts";

export const revisionList: Verb = {
  args: "",
  flags: { all: { means: "the last 500, not 20" } },
  words: { least: 0, most: 0 },
  about: "Live ones were taken when a file of direction or knowledge was saved; the others by an apply.",
  examples: ["loop revisions", "loop plan --from 3 --to 5", "loop rollback 3"],
  async run(given, context) {
    const body = await context.api().get(`/v1/revisions?limit=${given.has("all") ? 500 : 20}`);
    if (context.json) return context.print(body);
    const { revisionsText } = await import("../render/agents.ts");
    context.print(revisionsText((JSON.parse(body) as { revisions: RevisionShape[] }).revisions, await context.look()));
  },
};
