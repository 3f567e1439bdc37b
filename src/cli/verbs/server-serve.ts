import { readSettings } from "#src/settings/read.ts";
import { homedir } from "node:os";
import { outlivingReaders } from "../context.ts";
import { loadProgram } from "../server/program.ts";
import { killPostgres, standUntil, takeSignals } from "../server/run-server.ts";
import { writeServerFile } from "../server/server-file.ts";
import type { Context, Given, Verb } from "../verb.ts";

const FORCED = 130;

export const serverServe: Verb = {
  args: "",
  flags: { role: { takes: "text", value: "roles", means: "what this process does: api, engine, pulse, with commas between; left out: LOOP_ROLE, or all" } },
  words: { least: 0, most: 0 },
  about: "Several processes may serve one home: one with the role api, any number with the others.",
  examples: ["loop serve", "loop serve --role engine,pulse"],
  async run(given, caller) {
    const context = outlivingReaders(caller);
    const { env, settings } = settingsFor(given, context);
    const signals = takeSignals(() => {
      killPostgres(settings.homeFolder);
      process.exit(FORCED);
    });
    const { serve } = await loadProgram();
    const server = await serve(settings, env, { say: context.say });
    const takeBack = writeServerFile(settings.homeFolder, server.url);
    if (settings.modelKeysFound.length > 0 && !settings.usesModel)
      context.say(`Model keys found and not used: ${settings.modelKeysFound.join(", ")}. LOOP_MODEL=on uses them.`);
    context.print(
      context.json
        ? JSON.stringify({ url: server.url, home: settings.homeFolder, processId: process.pid })
        : `Ready${server.url === "" ? "" : `: ${server.url}`} (home ${settings.homeFolder}, process ${process.pid})`,
    );
    await standUntil(server, signals, context.say);
    takeBack();
    process.exit(0);
  },
};

function settingsFor(given: Given, { env }: Context) {
  const role = given.text("role");
  const named = role === undefined ? env : { ...env, LOOP_ROLE: role };
  return { env: named, settings: readSettings({ env: named, home: named["HOME"] || homedir(), isRoot: process.getuid?.() === 0 }) };
}
