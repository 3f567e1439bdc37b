import { resolve } from "node:path";
import { UsageError } from "../arguments.ts";
import type { Verb } from "../verb.ts";

export const schemaShow: Verb = {
  args: "[<kind>]",
  flags: { write: { means: "put all of them under .loopwright/schemas of the workspace, for editors" } },
  words: { least: 0, most: 1 },
  about:
    "The JSON Schema of a kind of workspace file; without a kind, which there are. An editor completes and checks a file whose first line is, for an agent,\n# yaml-language-server: $schema=../.loopwright/schemas/agent.json",
  examples: ["loop schema", "loop schema Agent", "loop schema --write"],
  async run(given, context) {
    const { jsonSchemaOf, KINDS } = await import("#src/workspace/manifest/schemas.ts");
    const [kind] = given.words;
    if (given.has("write")) {
      if (kind !== undefined) throw new UsageError("--write writes every kind. Leave out the name of one.");
      const { writeSchemas } = await import("../first-run/write-schemas.ts");
      const folder = resolve((await context.settings()).workspaceFolder);
      const written = writeSchemas(folder);
      return context.print(context.json ? JSON.stringify({ folder, written }) : `${written.length} schemas are in ${folder}/.loopwright/schemas.`);
    }
    if (kind === undefined) {
      const list = Object.entries(KINDS).map(([name, { files, about }]) => ({ kind: name, files, about }));
      return context.print(
        context.json ? JSON.stringify({ kinds: list }) : list.map((one) => `${one.kind.padEnd(14)} ${one.files.padEnd(22)} ${one.about}`).join("\n"),
      );
    }
    const name = Object.keys(KINDS).find((known) => known.toLowerCase() === kind.toLowerCase()) ?? kind;
    const schema = jsonSchemaOf(name);
    if (schema === undefined) {
      const { nearest } = await import("#src/workspace/nearest.ts");
      const meant = nearest(kind, Object.keys(KINDS));
      throw new UsageError(
        `There is no kind ${JSON.stringify(kind.slice(0, 40))}.${meant === undefined ? "" : ` Did you mean ${meant}?`} There is: ${Object.keys(KINDS).join(", ")}.`,
      );
    }
    context.print(JSON.stringify(schema, null, 2));
  },
};
