import type { AppliedShape } from "../client/workspace-shapes.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { firstStart, isBeforeStart, planOfFirstStart } from "../first-run/before-start.ts";
import type { Context, Flag, Verb } from "../verb.ts";

/** Of verbs that put files in force. */
export const WISH_FLAGS: Readonly<Record<string, Flag>> = {
  note: { takes: "text", value: "why", means: "what it is for; kept with the revision" },
  yes: { means: "power may widen; without it you are shown the plan and asked" },
};

export const workspaceApply: Verb = {
  args: "",
  flags: WISH_FLAGS,
  words: { least: 0, most: 0 },
  about:
    "All or nothing: with one problem in a file, nothing changes and the revision in force stays. What widens power needs the word of an owner or admin; when somebody else applies, they are asked, and their approval applies exactly these files.",
  examples: ["loop plan && loop apply", "loop apply --note 'Kyoto has a new vendor'", "loop apply --yes"],
  run: (given, context) =>
    isBeforeStart(context) ? leaveToFirstStart(context) : putInForce(context, "/v1/workspace/apply", { ...noteOf(given.text("note")), yes: given.has("yes") }),
};

/** There is no record to apply to yet, and whoever starts the first server puts the folder in force by that; so it is checked, and said. */
async function leaveToFirstStart(context: Context): Promise<ExitCode> {
  const planned = await planOfFirstStart(context);
  if (context.json) context.print(JSON.stringify(planned));
  else if (planned.kind === "plan") context.print(`The files are sound. ${firstStart(context)}`);
  else context.print(await words(planned, context));
  return planned.kind === "plan" ? EXIT.done : EXIT.refused;
}

export const noteOf = (note: string | undefined) => (note === undefined ? {} : { note });

/** Asks for it; where power would widen and somebody sits at the terminal, shows the plan and asks them first. */
export async function putInForce(context: Context, path: string, wish: { readonly yes: boolean } & Record<string, unknown>): Promise<ExitCode> {
  let body = await context.api().post(path, wish);
  let applied = JSON.parse(body) as AppliedShape;
  if (applied.kind === "unconfirmed" && !context.json && process.stdin.isTTY && (await confirmed(applied, context))) {
    body = await context.api().post(path, { ...wish, yes: true, digest: applied.digest });
    applied = JSON.parse(body) as AppliedShape;
  }
  context.print(context.json ? body : await words(applied, context));
  return applied.kind === "applied" || applied.kind === "asked" ? EXIT.done : EXIT.refused;
}

async function confirmed(applied: AppliedShape & { kind: "unconfirmed" }, context: Context): Promise<boolean> {
  const { planText } = await import("../render/plan.ts");
  context.say(planText(applied, await context.look()));
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question("\nPower would widen. Apply it? Type yes: ")).trim());
  } finally {
    lines.close();
  }
}

async function words(applied: AppliedShape, context: Context): Promise<string> {
  const { planText, problemCount, problemLines } = await import("../render/plan.ts");
  if (applied.kind === "problems") return [`Nothing was applied: ${problemCount(applied.problems)}.`, ...problemLines(applied.problems)].join("\n");
  const plan = planText(applied, await context.look());
  const under = (head: string): string => (plan === "" ? head : `${head}\n\n${plan}`);
  switch (applied.kind) {
    case "applied":
      return applied.isNew ? under(`Revision ${applied.revision} is in force.`) : `Nothing to do: revision ${applied.revision} is in force already.`;
    case "asked":
      return under(`Nothing is applied yet: power would widen, so an owner or admin is asked (${applied.ask}). Their approval applies exactly these files.`);
    case "unconfirmed":
      return under("Nothing was applied: power would widen. Say so with --yes.");
  }
}
