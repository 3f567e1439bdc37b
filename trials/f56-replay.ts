import { type Case, judged } from "./harness/case.ts";
import { decide, isSame, readHistories, workspaceOf } from "./harness/decisions.ts";

export const replay: Case = {
  id: "F56",
  title: "the history of earlier versions replayed by this one: identical decisions",
  short: true,
  limitMs: { short: 30_000, full: 30_000 },
  async run() {
    const histories = await readHistories();
    let replayed = 0;
    const kinds = new Set<string>();
    const different: string[] = [];
    for (const { version, workspaces, decisions } of histories) {
      const loaded = new Map(Object.entries(workspaces).map(([name, texts]) => [name, workspaceOf(texts)]));
      for (const [index, { workspace, state, move }] of decisions.entries()) {
        replayed += 1;
        kinds.add((move as { kind: string }).kind);
        const now = decide(state, loaded.get(workspace)!);
        if (!isSame(now, move))
          different.push(`${version} #${index} (${state.run.procedure}): ${JSON.stringify(move).slice(0, 120)} became ${JSON.stringify(now).slice(0, 120)}`);
      }
    }
    return judged({
      reached: replayed,
      wanted: Math.max(1, histories.length * 50),
      figure: `${replayed} decisions of ${histories.length} version${histories.length === 1 ? "" : "s"}, ${kinds.size} kinds of move (${[...kinds].toSorted().join(", ")}), ${different.length} other than then${different.length > 0 ? `: ${different.slice(0, 2).join(" | ")}` : ""}`,
      conditions: { identical: different.length === 0 },
    });
  },
};
