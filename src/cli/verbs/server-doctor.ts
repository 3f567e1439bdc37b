import { LoopError } from "#src/kernel/errors.ts";
import type { Settings } from "#src/settings/schema.ts";
import type { ReadyShape } from "../client/shapes.ts";
import { EXIT } from "../exit-codes.ts";
import { type Finding, findingsText } from "../render/findings.ts";
import { examine } from "../server/doctor.ts";
import type { Context, Verb } from "../verb.ts";

export const serverDoctor: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  about: "Node, home, permissions, server, database, disk, port, sandbox, model keys and the files of the workspace. Nothing is changed.",
  examples: ["loop doctor", "loop doctor --json"],
  async run(_given, context) {
    const findings = await look(context);
    if (context.json) context.print(JSON.stringify({ findings }));
    else context.print(findingsText(findings, await context.look()));
    return findings.some(({ state }) => state === "bad") ? EXIT.refused : EXIT.done;
  },
};

async function look(context: Context): Promise<Finding[]> {
  let settings: Settings;
  try {
    settings = await context.settings();
  } catch (error) {
    if (!(error instanceof LoopError)) throw error;
    return [{ what: "settings", state: "bad", seen: error.message, todo: "Set it right in the environment or in .env; docs/settings.md lists every setting." }];
  }
  return [{ what: "settings", state: "ok", seen: "all can be read" }, ...(await examine(settings, await serverSays(context)))];
}

/** Undefined: none runs. */
async function serverSays(context: Context): Promise<ReadyShape | undefined> {
  try {
    return JSON.parse(await context.api().get("/v1/ready")) as ReadyShape;
  } catch (error) {
    if (error instanceof LoopError && error.code === "server_not_running") return undefined;
    if (error instanceof LoopError) return { ok: false, version: "unknown", degraded: error.message };
    throw error;
  }
}
