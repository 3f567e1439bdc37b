import { programVersion } from "../program-version.ts";
import type { Verb } from "../verb.ts";

export const versionShow: Verb = {
  args: "",
  flags: {},
  words: { least: 0, most: 0 },
  examples: ["loop version"],
  run(_given, context) {
    const version = programVersion();
    context.print(context.json ? JSON.stringify({ version, node: process.version }) : `loopwright ${version} (node ${process.version})`);
    return Promise.resolve();
  },
};
