import { LoopError } from "#src/kernel/errors.ts";
import { readArguments } from "./arguments.ts";
import { createContext } from "./context.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-codes.ts";
import { UsageError } from "./usage-error.ts";
import type { Context } from "./verb.ts";
import { findVerb } from "./verb-table.ts";

/** `loop`: what bin/loop runs. */
async function main(args: readonly string[]): Promise<ExitCode> {
  const context = createContext({ env: process.env, json: args.includes("--json") });
  try {
    return await perform(args, context);
  } catch (error) {
    return fail(error, context);
  }
}

async function perform(args: readonly string[], context: Context): Promise<ExitCode> {
  const found = findVerb(aliased(args));
  if (!found) return (await import("./unknown-verb.ts")).answerUnknownVerb(args, context);
  const verb = await found.row.load();
  const given = readArguments(found.name, verb, found.rest);
  if (given.has("help")) {
    const { verbHelp } = await import("./render/help.ts");
    context.print(verbHelp({ name: found.name, summary: found.row.summary, verb }));
    return EXIT.done;
  }
  return (await verb.run(given, context)) ?? EXIT.done;
}

function aliased(args: readonly string[]): readonly string[] {
  const [first] = args;
  if (first === "--version" || first === "-v") return ["version"];
  return first === undefined || first === "--help" || first === "-h" ? ["help", ...args.slice(1)] : args;
}

async function fail(error: unknown, context: Context): Promise<ExitCode> {
  if (error instanceof UsageError) {
    context.say(error.message);
    return EXIT.usage;
  }
  if (error instanceof LoopError) {
    const { failureText } = await import("./render/failure.ts");
    if (context.json) context.print(failureText(error));
    else context.say(error.message);
    return exitCodeOf(error);
  }
  const { keepBug } = await import("./bug-log.ts");
  context.say(`Something broke in loop itself. The details are in ${keepBug(error, context)}; please report them.`);
  return EXIT.broken;
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.done); // whoever reads has enough, as `head` has
  throw error;
});

process.exitCode = await main(process.argv.slice(2));
