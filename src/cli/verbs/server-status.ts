import type { AskShape, CostGroupShape, ReadyShape, TicketShape } from "../client/shapes.ts";
import type { WorkspaceShape } from "../client/workspace-shapes.ts";
import type { Verb } from "../verb.ts";

export const serverStatus: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  examples: ["loop status", "loop status --json"],
  async run(_given, context) {
    const api = context.api();
    const ready = await api.get("/v1/ready");
    if (context.json) return context.print(ready);
    const [asks, tickets, costs, workspace] = await Promise.all([
      api.get("/v1/asks?limit=1000"),
      api.get("/v1/tickets?limit=200"),
      api.get("/v1/costs"),
      api.get("/v1/workspace"),
    ]);
    const { statusText } = await import("../render/status.ts");
    const facts = {
      ready: JSON.parse(ready) as ReadyShape,
      asks: (JSON.parse(asks) as { asks: AskShape[] }).asks,
      tickets: (JSON.parse(tickets) as { tickets: TicketShape[] }).tickets,
      costs: (JSON.parse(costs) as { groups: CostGroupShape[] }).groups[0],
      workspace: JSON.parse(workspace) as WorkspaceShape,
      credentials: (await import("../client/home-files.ts")).readCredentials(context.homeFolder()),
      homeFolder: context.homeFolder(),
      command: context.command(),
    };
    context.print(statusText(facts, await context.look()));
  },
};
