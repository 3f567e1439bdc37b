import type { HitShape } from "../client/shapes.ts";
import { labelPairs } from "../arguments.ts";
import type { Verb } from "../verb.ts";

export const brainSearch: Verb = {
  args: "<text>",
  flags: {
    label: { takes: "list", value: "key=value", means: "what it is about; may come several times" },
    category: { takes: "text", means: "the category that is meant" },
    layer: { takes: "list", value: "layer", means: "only this layer: sop, skill, voice, history, entity or lesson; may come several times" },
    limit: { takes: "text", value: "number", means: "how many of each layer; 5 when left out" },
  },
  words: { least: 1, most: 1 },
  takesLabels: true,
  examples: ["loop brain search '冷氣漏水' --property=warm_taipei_2br", "loop brain search 'wifi is down' --layer sop --layer voice"],
  async run(given, context) {
    const labels = { ...given.labels, ...labelPairs("label", given.list("label")) };
    const query = new URLSearchParams([
      ["q", given.words[0]!],
      ...Object.entries(labels).map(([key, value]) => ["label", `${key}:${value}`] as [string, string]),
      ...given.list("layer").map((layer) => ["layer", layer] as [string, string]),
      ...["category", "limit"].flatMap((name) => (given.text(name) === undefined ? [] : [[name, given.text(name)!] as [string, string]])),
    ]);
    const body = await context.api().get(`/v1/brain?${query.toString()}`);
    if (context.json) return context.print(body);
    const { recallText } = await import("../render/recall.ts");
    context.print(recallText(JSON.parse(body) as { hits: HitShape[]; meaning: string }, await context.look()));
  },
};
