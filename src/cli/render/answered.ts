import type { AskShape } from "../client/shapes.ts";
import { draftOf } from "./draft.ts";
import { plainLine } from "#src/kernel/plain.ts";

/** What became of an answer, in one sentence. */
export function answeredText({ outcome, missing, ask }: { readonly outcome: string; readonly missing: number; readonly ask: AskShape }): string {
  if (outcome === "counted") return `Counted. ${missing} more ${missing === 1 ? "person has" : "people have"} to say the same.`;
  const draft = draftOf(ask.detail["args"]);
  const what = draft
    ? `${String(ask.detail["name"])} to ${plainLine(draft.name)}`
    : ask.purpose === "act"
      ? `${String(ask.detail["kind"])} ${String(ask.detail["name"])}`
      : plainLine(ask.prompt).replace(/\.$/, "");
  if (ask.kind === "approval" && ask.answer === "approve") return `Approved: ${what}.`;
  if (ask.kind === "approval") return `Denied: ${what}.`;
  return `Answered "${plainLine(ask.answer ?? "")}": ${what}`;
}
