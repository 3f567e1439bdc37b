import type { ToolShape } from "../client/shapes.ts";
import type { Verb } from "../verb.ts";

export const toolList: Verb = {
  args: "",
  flags: { off: { means: "only those that are off" } },
  words: { least: 0, most: 0 },
  about: "A tool is offered to an agent when it is on and the file of the agent lists it.",
  examples: ["loop tools", "loop tools --off"],
  async run(given, context) {
    const body = await context.api().get("/v1/tools");
    if (context.json) return context.print(body);
    const { tools } = JSON.parse(body) as { tools: ToolShape[] };
    const shown = given.has("off") ? tools.filter(({ state }) => state === "off") : tools;
    const { toolsText } = await import("../render/tools.ts");
    context.print(toolsText(shown, await context.look()));
  },
};
