import type { PlanShape, ProblemShape } from "../client/workspace-shapes.ts";
import { type Look, type Tone, toned } from "./look.ts";
import { plain } from "#src/kernel/plain.ts";

const HEADS = [
  ["wider", "Power widens", "+", "ask"],
  ["narrower", "Power narrows", "-", "good"],
  ["same", "Changes that give and take no power", "·", "quiet"],
] as const satisfies readonly (readonly [PlanShape["power"][number]["effect"], string, string, Tone])[];

/** Power first, what widens before all. */
export function planText({ power, live }: PlanShape, look: Look): string {
  const blocks = HEADS.flatMap(([effect, head, sign, tone]) => {
    const changes = power.filter((change) => change.effect === effect);
    return changes.length === 0
      ? []
      : [
          [
            toned(head, "strong", look),
            ...changes.map(({ words, file }) => `  ${toned(sign, tone, look)} ${plain(words)} ${toned(`(${plain(file)})`, "quiet", look)}`),
          ].join("\n"),
        ];
  });
  const known = live.length === 0 ? [] : [[toned("Direction and knowledge", "strong", look), ...live.map(({ words }) => `  · ${plain(words)}`)].join("\n")];
  return [...blocks, ...known].join("\n\n");
}

/** As workspace/problem.ts says it, file and line first. */
export function problemLines(problems: readonly ProblemShape[]): string[] {
  return problems.map(({ file, line, column, path, seen, expected, hint }) =>
    plain(`  ${file}:${line}:${column}:${path === "" ? "" : ` ${path}:`} seen ${seen}. Expected ${expected}.${hint === undefined ? "" : ` ${hint}`}`),
  );
}

export const problemCount = (problems: readonly ProblemShape[]): string =>
  `${problems.length} ${problems.length === 1 ? "problem" : "problems"} in the workspace`;
