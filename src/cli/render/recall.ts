import type { HitShape } from "../client/shapes.ts";
import { type Look, toned } from "./look.ts";
import { plainLine } from "#src/kernel/plain.ts";
import { wrapped } from "./width.ts";

const MEANING: Readonly<Record<string, string>> = {
  off: "By words and labels; no embedder is set.",
  unavailable: "By words and labels: the embedder did not answer.",
  used: "By words, labels and meaning.",
};

/** Cards of the brain, the best first, each with its source, its score and why it was found. */
export function recallText({ hits, meaning }: { readonly hits: readonly HitShape[]; readonly meaning: string }, look: Look): string {
  if (hits.length === 0) return `Nothing is known that fits. ${MEANING[meaning] ?? ""}`.trim();
  const cards = hits.toSorted((a, b) => b.score - a.score).map((hit) => hitText(hit, look));
  return [...cards, toned(MEANING[meaning] ?? "", "quiet", look)].join("\n\n");
}

function hitText({ score, layer, title, source, snippet, why, trust }: HitShape, look: Look): string {
  const indent = "      ";
  const width = look.width - indent.length;
  const lines = (text: string): string[] => wrapped(plainLine(text), width).map((line) => indent + line);
  return [
    `${score.toFixed(2)}  ${toned(layer, "calm", look)} ${toned(plainLine(title), "strong", look)}`,
    ...lines(snippet),
    ...lines(`${source} · trust: ${trust} · ${why}`).map((line) => toned(line, "quiet", look)),
  ].join("\n");
}
