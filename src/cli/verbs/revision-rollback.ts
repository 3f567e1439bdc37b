import { UsageError } from "../arguments.ts";
import type { Verb } from "../verb.ts";
import { noteOf, putInForce, WISH_FLAGS } from "./workspace-apply.ts";

export const revisionRollback: Verb = {
  args: "<revision>",
  flags: WISH_FLAGS,
  words: { least: 1, most: 1 },
  about:
    "A new revision with the old files. The folder gets them too; a file that was changed by hand since stays as it is, and waits for an apply. What widens power needs the word of an owner or admin, as in `loop apply`.",
  examples: ["loop revisions", "loop rollback 3", "loop rollback 3 --yes --note 'the new vendor was a mistake'"],
  run(given, context) {
    const [typed] = given.words;
    if (!/^[1-9]\d{0,8}$/.test(typed!))
      throw new UsageError(`${JSON.stringify(typed!.slice(0, 40))} is no revision. Expected a number; \`loop revisions\` lists them.`);
    return putInForce(context, "/v1/workspace/rollback", { revision: Number(typed), ...noteOf(given.text("note")), yes: given.has("yes") });
  },
};
