import type { PersonShape } from "../client/shapes.ts";
import type { Verb } from "../verb.ts";

export const peopleList: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  about: "People and programs that may act, disabled ones too. Those of the workspace are changed in teams/.",
  examples: ["loop people"],
  async run(_given, context) {
    const body = await context.api().get("/v1/people");
    if (context.json) return context.print(body);
    const { peopleListText } = await import("../render/people.ts");
    context.print(peopleListText((JSON.parse(body) as { people: PersonShape[] }).people, await context.look()));
  },
};
