import { join } from "node:path";
import type { PlannedShape } from "../client/workspace-shapes.ts";
import { quoted } from "../context.ts";
import type { Context } from "../verb.ts";

const fs = process.getBuiltinModule("node:fs");

/** No server has ever run for this home, so nothing is in force, and there is none to ask. */
export const isBeforeStart = (context: Context): boolean =>
  context.target().origin === undefined && !context.env["DATABASE_URL"] && !fs.existsSync(join(context.homeFolder(), "home.json"));

/** What the first start would put in force: the folder of the workspace, as it stands. */
export async function planOfFirstStart(context: Context): Promise<PlannedShape> {
  const { planFirst } = await import("#src/apply/folders.ts");
  return planFirst((await context.settings()).workspaceFolder);
}

export const firstStart = (context: Context): string =>
  `Nothing is in force yet: no server has run for this home. The first start puts this folder in force as it stands: ${startCommand(context)}`;

function startCommand({ env, command }: Context): string {
  const folder = env["LOOP_WORKSPACE"] || env["LOOP_DATA_DIR"];
  return `${folder ? `LOOP_WORKSPACE=${quoted(folder)} ` : ""}${command()} up`;
}
