import type { Problem } from "#src/workspace/problem.ts";
import { EXIT } from "../exit-codes.ts";
import { plain } from "../render/plain.ts";
import { toned } from "../render/look.ts";
import type { Verb } from "../verb.ts";

interface Change {
  readonly words: string;
}

type Applied =
  | { readonly kind: "applied"; readonly revision: number; readonly isNew: boolean; readonly power: readonly Change[]; readonly live: readonly Change[] }
  | { readonly kind: "problems"; readonly problems: readonly Problem[] };

export const workspaceApply: Verb = {
  args: "",
  flags: { note: { takes: "text", value: "why", means: "what it is for; kept with the revision" } },
  words: { least: 0, most: 0 },
  about: "All or nothing: with one problem in a file, nothing changes and the revision in force stays.",
  examples: ["loop apply", "loop apply --note 'Kyoto has a new vendor'"],
  async run(given, context) {
    const note = given.text("note");
    const body = await context.api().post("/v1/workspace/apply", note === undefined ? {} : { note });
    const applied = JSON.parse(body) as Applied;
    if (context.json) context.print(body);
    else if (applied.kind === "problems") context.print(problemsText(applied.problems));
    else {
      const look = await context.look();
      const list = (head: string, changes: readonly Change[]): string[] =>
        changes.length === 0 ? [] : [toned(head, "strong", look), ...changes.map(({ words }) => `  ${plain(words)}`)];
      const head = applied.isNew ? `Revision ${applied.revision} is in force.` : `Nothing to do: revision ${applied.revision} is what the folder says.`;
      context.print([head, ...list("Power", applied.power), ...list("Direction and knowledge", applied.live)].join("\n"));
    }
    return applied.kind === "problems" ? EXIT.refused : EXIT.done;
  },
};

/** As workspace/problem.ts says it, file and line first. */
function problemsText(problems: readonly Problem[]): string {
  const lines = problems.map(({ file, line, column, path, seen, expected, hint }) =>
    plain(`  ${file}:${line}:${column}:${path === "" ? "" : ` ${path}:`} seen ${seen}. Expected ${expected}.${hint === undefined ? "" : ` ${hint}`}`),
  );
  return [`Nothing was applied: ${problems.length} ${problems.length === 1 ? "problem" : "problems"} in the workspace.`, ...lines].join("\n");
}
