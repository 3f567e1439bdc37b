import { UsageError } from "../arguments.ts";
import type { UsageShape } from "../client/workspace-shapes.ts";
import type { Verb } from "../verb.ts";

const GROUPS = ["agent", "model", "service", "session", "purpose", "run", "all"];

export const usageShow: Verb = {
  args: "",
  flags: {
    by: { takes: "text", value: "what", means: `one of ${GROUPS.join(", ")}; left out: agent` },
    from: { takes: "text", value: "date", means: "from this day or moment on" },
    to: { takes: "text", value: "date", means: "before this day or moment" },
  },
  words: { least: 0, most: 0 },
  about: "A call failed when it gave no answer; when it was tried again, each try counts. Times are those of the calls alone, without waiting for people.",
  examples: ["loop usage", "loop usage --by model --from 2026-11-01"],
  async run(given, context) {
    const by = given.text("by") ?? "agent";
    if (!GROUPS.includes(by)) throw new UsageError(`--by got ${JSON.stringify(by.slice(0, 40))}. Expected one of ${GROUPS.join(", ")}.`);
    const query = new URLSearchParams({ by });
    for (const name of ["from", "to"] as const) {
      const moment = given.text(name);
      if (moment !== undefined) query.set(name, moment);
    }
    const body = await context.api().get(`/v1/usage?${query.toString()}`);
    if (context.json) return context.print(body);
    const { usageText } = await import("../render/usage.ts");
    context.print(usageText((JSON.parse(body) as { groups: UsageShape[] }).groups, by, await context.look()));
  },
};
