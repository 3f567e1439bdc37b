import { isMap, isScalar, parseDocument, stringify } from "yaml";
import { sha256 } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { FileSet } from "#src/workspace/files.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { ProposedFile } from "./proposal.ts";
import type { RuleWanted } from "./propose-rule.ts";

/** The SOP of the category with a lower threshold of severity; every other character of it stays. @throws LoopError input_invalid */
export function sopFile(wanted: RuleWanted, { files, workspace }: { files: FileSet; workspace: Workspace }): { name: string; file: ProposedFile } {
  const { category, severityAtLeast, approvers, then, escalateTo } = wanted;
  const refuse = (why: string): LoopError => new LoopError("input_invalid", `${why} Propose a policy rule instead.`, { facts: { category } });
  const sop = workspace.sops.find((known) => known.category === category);
  const content = sop && files.get(sop.source);
  if (!sop || !content) throw refuse(`The category ${category} has no SOP whose threshold could be lowered.`);
  if (then === "deny" || escalateTo) throw refuse("An SOP can only ask, and does not say who is asked next.");
  if (approvers && sop.escalation) throw refuse(`The SOP ${sop.id} has its own way of saying who is asked.`);
  const before = sop.escalation?.severityAtOrAbove;
  if (before !== undefined && before <= severityAtLeast) throw refuse(`The SOP ${sop.id} asks from severity ${before} on already.`);
  const { head, matter, rest } = divided(Buffer.from(content).toString("utf8"));
  const changed = sop.escalation
    ? lowered(matter, severityAtLeast)
    : added(matter, { severityAtOrAbove: severityAtLeast, ...(approvers ? { approvers } : {}) });
  if (changed === undefined) throw refuse(`The escalation of the SOP ${sop.id} is written in a way that cannot be changed in place.`);
  return { name: sop.id, file: { path: sop.source, text: `${head}${changed}${rest}`, base: sha256(content) } };
}

/** The front matter, and what stands before and after it. The file was found sound, so both of its lines are there. */
function divided(text: string): { head: string; matter: string; rest: string } {
  const [, head = "", matter = ""] = /^(---[^\S\n]*\n)([^]*?)(?=\r?\n---[^\S\n]*(?:\n|$))/.exec(text) ?? [];
  return { head, matter, rest: text.slice(head.length + matter.length) };
}

const added = (matter: string, escalation: object): string => `${matter}\n${stringify({ escalation }, { lineWidth: 0 }).trimEnd()}`;

const FIELD = "severityAtOrAbove";

/** In place, since writing the whole document anew would set every space as the writer likes it. Undefined: the group is no plain one. */
function lowered(matter: string, severity: number): string | undefined {
  const group = parseDocument(matter).get("escalation", true);
  if (!isMap(group)) return undefined;
  const known = group.get(FIELD, true);
  if (isScalar(known) && known.range) return `${matter.slice(0, known.range[0])}${severity}${matter.slice(known.range[1])}`;
  const start = group.range?.[0];
  if (known !== undefined || start === undefined) return undefined;
  if (group.flow === true) return `${matter.slice(0, start + 1)} ${FIELD}: ${severity},${matter.slice(start + 1)}`;
  const indent = matter.slice(matter.lastIndexOf("\n", start) + 1, start);
  return `${matter.slice(0, start)}${FIELD}: ${severity}\n${indent}${matter.slice(start)}`;
}
