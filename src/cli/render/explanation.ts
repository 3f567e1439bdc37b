import type { ExplanationShape } from "../client/shapes.ts";
import { type Look, type Tone, toned } from "./look.ts";
import { plain, plainLine } from "#src/kernel/plain.ts";
import { padded, wrapped } from "./width.ts";

const TONE: Readonly<Record<string, Tone>> = { allow: "good", ask: "ask", deny: "bad" };

/** What policy decides about an act, and for every rule whether it applies and why not. */
export function explanationText({ decision, rules }: ExplanationShape, look: Look): string {
  const head = `${toned(decision.outcome.toUpperCase(), TONE[decision.outcome] ?? "strong", look)} by ${plainLine(decision.rule)}: ${plain(decision.why)}`;
  const lines = rules.map(({ rule, outcome, matched, because, source }) => {
    const name = `${matched ? toned("+ applies", "good", look) : toned("- no     ", "quiet", look)} ${padded(outcome, 5)} ${plainLine(rule)} ${toned(`[${plainLine(source)}]`, "quiet", look)}`;
    return [name, ...wrapped(plainLine(because), look.width - 16).map((line) => " ".repeat(16) + toned(line, "quiet", look))].join("\n");
  });
  return [head, "Every rule, strictest first:", ...lines].join("\n");
}
