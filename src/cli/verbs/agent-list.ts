import type { AgentShape } from "../client/workspace-shapes.ts";
import type { Verb } from "../verb.ts";

export const agentList: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  examples: ["loop agents", "loop agents --json"],
  async run(_given, context) {
    const body = await context.api().get("/v1/agents");
    if (context.json) return context.print(body);
    const { agentsText } = await import("../render/agents.ts");
    context.print(agentsText((JSON.parse(body) as { agents: AgentShape[] }).agents, await context.look()));
  },
};

export const agentShow: Verb = {
  args: "<name>",
  flags: {},
  words: { least: 1, most: 1 },
  examples: ["loop agent desk"],
  async run(given, context) {
    const body = await context.api().get(`/v1/agents/${encodeURIComponent(given.words[0]!)}`);
    if (context.json) return context.print(body);
    const { agentText } = await import("../render/agents.ts");
    context.print(agentText(JSON.parse(body) as AgentShape & { revision: number; manifest: Record<string, unknown> }, await context.look()));
  },
};
