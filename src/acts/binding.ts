import { digestOf } from "#src/kernel/canonical-json.ts";
import type { Act } from "./act.ts";

/** What an approval binds to: one changed character of the arguments is another act. */
export function bindingOf(act: Pick<Act, "kind" | "name" | "args" | "runId">): string {
  return digestOf({ kind: act.kind, name: act.name, args: act.args, run: act.runId });
}
