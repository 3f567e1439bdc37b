import { parseDocument } from "yaml";
import { sha256 } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { FileSet } from "#src/workspace/files.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { ProposedFile } from "./proposal.ts";
import type { RuleWanted } from "./propose-rule.ts";

/** The SOP of the category with a lower threshold of severity; its other fields, its comments and its text stay as they are. @throws LoopError input_invalid */
export function sopFile({ category, severityAtLeast, approvers, then, escalateTo }: RuleWanted, { files, workspace }: { files: FileSet; workspace: Workspace }): { name: string; file: ProposedFile } {
  const refuse = (why: string): LoopError => new LoopError("input_invalid", why, { facts: { category } });
  const sop = workspace.sops.find((known) => known.category === category);
  const content = sop && files.get(sop.source);
  if (!sop || !content) throw refuse(`The category ${category} has no SOP whose threshold could be lowered. Propose a policy rule instead.`);
  if (then === "deny" || escalateTo) throw refuse("An SOP can only ask, and does not say who is asked next. Propose a policy rule instead.");
  const before = sop.escalation?.severityAtOrAbove;
  if (before !== undefined && before <= severityAtLeast) throw refuse(`The SOP ${sop.id} asks from severity ${before} on already.`);
  const text = Buffer.from(content).toString("utf8");
  const { matter, rest } = divided(text);
  const document = parseDocument(matter);
  document.setIn(["escalation", "severityAtOrAbove"], severityAtLeast);
  if (approvers && !sop.escalation?.approvers) document.setIn(["escalation", "approvers"], document.createNode(approvers));
  const changed = `---\n${document.toString({ lineWidth: 0 }).trimEnd()}\n---${rest}`;
  return { name: sop.id, file: { path: sop.source, text: changed, base: sha256(content) } };
}

/** The front matter, and the file from the end of its closing line on. The file was found sound, so both lines are there. */
function divided(text: string): { matter: string; rest: string } {
  const [whole, matter = ""] = /^---[^\S\n]*\r?\n([^]*?)\r?\n---[^\S\n]*(?=\r?\n|$)/.exec(text) ?? [""];
  return { matter, rest: text.slice(whole.length) };
}
