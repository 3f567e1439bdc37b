import { appendFile, readFile } from "node:fs/promises";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { EffectClass } from "#src/acts/act.ts";

export interface Effect {
  readonly key: string;
  readonly kind: string;
  readonly times: number;
}

/** A world outside that nothing rolls back: an append-only file with a line per effect. A tool of each class writes there under its act's key. */
export function effectTool(file: string, { name, effect }: { name: string; effect: EffectClass }): ToolPort {
  return {
    name,
    description: `writes a line to the effect ledger (${effect})`,
    schema: { type: "object" },
    effect,
    async invoke(args, { actKey }) {
      const done = (await effects(file)).some((line) => line.key === actKey);
      if (!(effect === "idempotent" && done)) await appendFile(file, `${JSON.stringify({ key: actKey, kind: name })}\n`);
      return { written: true, args };
    },
    ...(effect === "findable"
      ? { find: async (actKey: string) => ((await effects(file)).some((line) => line.key === actKey) ? { written: true, found: true } : undefined) }
      : {}),
  };
}

/** What happened outside, by key, sorted. */
export async function effects(file: string): Promise<Effect[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  const lines = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { key: string; kind: string });
  return Map.groupBy(lines, (line) => line.key)
    .entries()
    .map(([key, same]) => ({ key, kind: same[0]!.kind, times: same.length }))
    .toArray()
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
}
