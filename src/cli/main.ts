import { readArguments } from "./arguments.ts";
import { createContext } from "./context.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Context } from "./verb.ts";

/*
 * `loop`: what bin/loop runs. Each file that is loaded on the way to a verb is part of the wall time of all of them, so this imports little, and the rest
 * is loaded by whoever needs it.
 */
async function main(args: readonly string[]): Promise<ExitCode> {
  const json = args.includes("--json");
  let context: Context | undefined;
  try {
    context = await createContext({ env: process.env, json });
    return await perform(args, context);
  } catch (error) {
    const { fail } = await import("./fail.ts");
    const code = await fail(error, { json, homeFolder: context?.homeFolder(), env: context?.env ?? process.env });
    return aliased(args)[0] === "_" ? (await import("./exit-codes.ts")).loopExitCode(code) : code;
  }
}

async function perform(typed: readonly string[], context: Context): Promise<ExitCode> {
  const args = aliased(typed);
  const found = args[0] === "_" ? (await import("./loop-verb-table.ts")).findLoopVerb(args.slice(1)) : (await import("./verb-table.ts")).findVerb(args);
  if (!found) return (await import("./unknown-verb.ts")).answerUnknownVerb(args, context);
  const verb = await found.row.load();
  const given = await readArguments(found.name, verb, found.rest);
  if (!given.has("help")) return (await verb.run(given, context)) ?? 0;
  const { verbHelp } = await import("./render/help.ts");
  context.print(verbHelp({ name: found.name, summary: found.row.summary, verb }));
  return 0;
}

function aliased(args: readonly string[]): readonly string[] {
  const [first, ...rest] = args;
  if (first === "--version" || first === "-v" || first === "-V") return ["version", ...rest];
  if (first === "config") return ["completion", ...rest];
  if (first === "worker" || first === "workers") return ["_", "worker", ...(rest[0] === undefined || rest[0].startsWith("-") ? ["list"] : []), ...rest];
  return first === undefined || first === "--help" || first === "-h" ? ["help", ...rest] : args;
}

/* Everything was written by now, and to wait for sockets that are closing takes another two milliseconds. */
process.exit(await main(process.argv.slice(2)));
