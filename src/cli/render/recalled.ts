import { plainLine } from "#src/kernel/plain.ts";
import type { ActShape } from "../client/shapes.ts";
import { type Look, toned } from "./look.ts";
import { wrapped } from "./width.ts";

interface RecalledShape {
  readonly id: string;
  readonly kind: string;
  readonly text: string;
  readonly source: { readonly run: string };
  readonly untrusted: boolean;
  readonly why: string;
}

/** What a run was given of what was remembered before, from where and why. Empty where it recalled nothing. */
export function recalledText(acts: readonly ActShape[], look: Look): string[] {
  const recalling = acts.filter(({ name, state }) => name === "memory.recall" && state === "done");
  const memories = recalling.flatMap(({ result }) => (result as { memories?: readonly RecalledShape[] } | null)?.memories ?? []);
  const lines = (text: string): string[] => wrapped(plainLine(text), look.width - 2).map((line) => `  ${line}`);
  const cards = memories.flatMap(({ id, kind, text, source, untrusted, why }) => {
    const quiet = lines(`${id} · ${untrusted ? "untrusted" : "trusted"} · from ${source.run} · ${why}`);
    return [...lines(`${kind}: ${text}`), ...quiet.map((line) => toned(line, "quiet", look))];
  });
  return cards.length === 0 ? [] : [[toned("recalled", "quiet", look), ...cards].join("\n")];
}
