import { resolve } from "node:path";
import { UsageError } from "../arguments.ts";
import type { PlannedShape } from "../client/workspace-shapes.ts";
import { EXIT } from "../exit-codes.ts";
import { firstStart, isBeforeStart, planOfFirstStart } from "../first-run/before-start.ts";
import type { Context, Verb } from "../verb.ts";

export const workspacePlan: Verb = {
  args: "",
  flags: {
    from: { takes: "text", value: "folder-or-revision", means: "compare with this folder (no server is needed) or revision" },
    to: { takes: "text", value: "folder-or-revision", means: "compare this folder or revision, with --from; when left out, the folder of the workspace" },
  },
  words: { least: 0, most: 0 },
  about: "Exit code 2 says that power would widen, 1 that the files have problems, 0 neither: for a check of a pull request.",
  examples: ["loop plan", "loop plan --json", "loop plan --from ../main/workspace --to .", "loop plan --from 3 --to 5"],
  async run(given, context) {
    const { from, to } = { from: given.text("from"), to: given.text("to") };
    if (from === undefined && to !== undefined) throw new UsageError("--to came without --from. Expected --from <folder-or-revision> beside it.");
    const isFirst = from === undefined && isBeforeStart(context);
    const body = isFirst ? JSON.stringify(await planOfFirstStart(context)) : await bodyOf(context, from, to);
    const planned = JSON.parse(body) as PlannedShape;
    if (context.json) context.print(body);
    else context.print(await words(planned, context));
    if (isFirst && !context.json && planned.kind === "plan") context.print(firstStart(context));
    if (planned.kind === "problems") return EXIT.refused;
    return planned.widens ? EXIT.widens : EXIT.done;
  },
};

const bodyOf = (context: Context, from: string | undefined, to: string | undefined): Promise<string> =>
  from === undefined ? context.api().post("/v1/workspace/plan", {}) : between(context, from, to);

const isRevision = (text: string): boolean => /^\d+$/.test(text);

async function between(context: Context, from: string, to: string | undefined): Promise<string> {
  if (to !== undefined && isRevision(from) !== isRevision(to)) throw new UsageError("--from and --to must both be folders, or both be revisions.");
  if (!isRevision(from)) return planFolders(resolve(from), resolve(to ?? (await context.settings()).workspaceFolder));
  const last = to === undefined ? await currentOf(context) : Number(to);
  return context.api().post("/v1/workspace/plan", { from: Number(from), to: last });
}

const currentOf = async (context: Context): Promise<number> => (JSON.parse(await context.api().get("/v1/workspace")) as { revision: number }).revision;

/** As the server says it. */
async function planFolders(from: string, to: string): Promise<string> {
  const { planBetweenFolders } = await import("#src/apply/folders.ts");
  return JSON.stringify(await planBetweenFolders(from, to));
}

async function words(planned: PlannedShape, context: Context): Promise<string> {
  const { planText, problemCount, problemLines } = await import("../render/plan.ts");
  if (planned.kind === "problems") return [`${problemCount(planned.problems)}.`, ...problemLines(planned.problems)].join("\n");
  const text = planText(planned, await context.look());
  if (text === "") return planned.isNew ? "Only layout and comments differ." : "Nothing differs.";
  return `${text}\n\n${planned.widens ? "Power would widen." : "No power would widen."}`;
}
