import type { SkillShape } from "../client/shapes.ts";
import type { Verb } from "../verb.ts";

export const skillList: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  examples: ["loop skills"],
  async run(_given, context) {
    const body = await context.api().get("/v1/skills");
    if (context.json) return context.print(body);
    const { skills } = JSON.parse(body) as { skills: SkillShape[] };
    if (skills.length === 0)
      return context.print("There are no skills yet. They are drafted from work that was resolved twice, and accepted by a person: `loop proposals`.");
    const { tableText } = await import("../render/table.ts");
    const { plainLine } = await import("#src/kernel/plain.ts");
    const table = [
      { head: "skill", cell: ({ name }: SkillShape) => plainLine(name) },
      { head: "category", cell: ({ category }: SkillShape) => category ?? "-" },
      { head: "what it does", cell: ({ description }: SkillShape) => plainLine(description), least: 20 },
      { head: "file", cell: ({ source }: SkillShape) => plainLine(source), least: 12 },
    ];
    context.print(tableText(skills, table, await context.look()));
  },
};
