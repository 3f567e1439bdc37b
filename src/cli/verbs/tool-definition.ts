import type { ToolDefinitionShape } from "../client/shapes.ts";
import type { Verb } from "../verb.ts";

const path = (name: string): string => `/v1/tools/${encodeURIComponent(name)}`;

export const toolDiff: Verb = {
  args: "<tool>",
  flags: {},
  words: { least: 1, most: 1 },
  about: "Shows name, description, schema and annotations; whatever is hidden in them is written out.",
  examples: ["loop tools diff docs.read_text_file"],
  async run({ words: [name] }, context) {
    const body = await context.api().get(`${path(name!)}/definition`);
    if (context.json) return context.print(body);
    const { definitionText } = await import("../render/tools.ts");
    context.print(definitionText(JSON.parse(body) as ToolDefinitionShape));
  },
};

export const toolApprove: Verb = {
  args: "<tool>",
  flags: { digest: { takes: "text", value: "sha256", means: "of the definition that you have seen; left out: it is shown now, and nothing is approved" } },
  words: { least: 1, most: 1 },
  about: "For owners and admins. What is approved is exactly what you have seen: if the server describes the tool differently by then, nothing is.",
  examples: ["loop tools approve docs.read_text_file --digest 3f1c…"],
  async run(given, context) {
    const name = given.words[0]!;
    const digest = given.text("digest");
    if (digest === undefined) return toolDiff.run(given, context);
    const body = await context.api().post(`${path(name)}/approve`, { digest });
    context.print(context.json ? body : `${name} may be used as its server describes it now.`);
  },
};
