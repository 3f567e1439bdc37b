import { homedir } from "node:os";
import { type Environment, readSettings } from "#src/settings/read.ts";
import type { Settings } from "#src/settings/schema.ts";
import { readArguments } from "./arguments.ts";
import { createContext, outlivingReaders } from "./context.ts";
import { fail } from "./fail.ts";
import { runFirstStart } from "./first-run/first-start.ts";
import type { Flag } from "./verb.ts";

/*
 * `npm start`: what scripts/setup.mjs runs. The first time it shows the loop on a copy of the sample workspace; later it just starts.
 */

const FLAGS: Readonly<Record<string, Flag>> = {
  demo: { means: "show the loop, answer for you, and end; for scripts" },
  model: { means: "use the model keys found in the environment" },
};
const HELP = `npm start brings Loopwright up and, the first time, shows what it does.

Usage: npm start [-- flags]

Flags
  --demo   ${FLAGS["demo"]!.means}; exit code 0 only if all of it was seen and verified
  --model  ${FLAGS["model"]!.means}

Settings come from the environment and a file .env here; see docs/settings.md.
`;

async function main(args: readonly string[]): Promise<number> {
  const context = outlivingReaders(await createContext({ env: process.env, json: false }));
  const given = await readArguments("start", { args: "[--demo] [--model]", flags: FLAGS, words: { least: 0, most: 0 } }, args);
  if (given.has("help")) {
    context.print(HELP);
    return 0;
  }
  const env = { ...context.env, ...(given.has("model") ? { LOOP_MODEL: "on" } : {}) };
  return runFirstStart({ context, env, settings: settingsFrom(env), isDemo: given.has("demo") });
}

function settingsFrom(env: Environment): Settings {
  return readSettings({ env, home: env["HOME"] || homedir(), isRoot: process.getuid?.() === 0 });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = await fail(error, { json: false, homeFolder: undefined, env: process.env });
}
process.exit();
