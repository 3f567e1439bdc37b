import { newId } from "#src/kernel/ids.ts";
import type { Db } from "#src/database/open.ts";
import { findReceipt } from "#src/evidence/store/receipts.ts";
import { knowledgeFor } from "#src/runs/desk/knowledge.ts";
import { readState } from "#src/runs/store/state.ts";
import { listTickets } from "#src/tickets/store/read.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { revisionFiles } from "#src/workspace/revisions.ts";
import { caseOf, patternOf, type ResolvedCase } from "./case.ts";
import { namesIn } from "./lesson.ts";
import type { LearningDeps } from "./learn.ts";
import type { NewProposal } from "./proposal.ts";
import { draftSkill } from "./skill-draft.ts";
import { testSkill } from "./skill-test.ts";
import { type CaseRow, undecidedCases } from "./store/cases.ts";

const LOOKED_AT = 50;

/**
 * The skill that a resolved ticket calls for as the second of its pattern: of another day or from another reporter than the first, and both learned since
 * a skill of the pattern was last decided on. Undefined: none, or one in force does the same.
 */
export async function proposedSkill(deps: LearningDeps, latest: ResolvedCase): Promise<NewProposal | undefined> {
  const { db, clock, workspaces } = deps;
  const pattern = patternOf(latest);
  if (pattern === null) return undefined;
  const fingerprint = `skill:${pattern}`;
  const rows = await undecidedCases(db, { pattern, fingerprint, limit: LOOKED_AT });
  const partner = rows.find((row) => isAnotherTime(row, latest));
  if (!partner || !rows.some((row) => row.ticketId === latest.ticket.id)) return undefined;
  const { revision, workspace } = await workspaces.current();
  const [earlier] = await casesOf(db, [partner.runId], workspace);
  if (!earlier || patternOf(earlier) !== pattern) return undefined;
  const cases = [earlier, latest];
  if (cases.every((known) => isCovered(known, workspace))) return undefined;

  const nowMs = clock.nowMs();
  const others = await otherTexts(db, workspace, latest.category);
  const draft = draftSkill(cases, { workspace, others, nowMs });
  const test = testSkill({ name: draft.name, files: draft.files, cases }, { files: await revisionFiles(db, revision), revision, nowMs });
  const { category, vendor, acts } = latest;
  const names = namesIn(workspace, latest);
  return {
    id: newId("pro", nowMs),
    kind: "skill",
    title: `Skill ${draft.name}: ${names.what}`,
    reason: `Resolved twice the same way: ${cases.map(({ ticket, day }) => `#${ticket.number} on ${day}`).join(" and ")}, by ${names.vendor}, with ${acts.join(", ")}.`,
    fingerprint,
    files: draft.files,
    sources: {
      tickets: cases.map(({ ticket }) => ticket.id),
      runs: cases.map(({ state }) => state.run.id),
      skill: draft.name,
      category,
      vendor,
      labels: draft.metadata.triggers.labels,
      acts,
      layers: draft.metadata.sources.layers,
    },
    test,
    prompt: null,
    author: "system",
  };
}

const isAnotherTime = (row: CaseRow, latest: ResolvedCase): boolean =>
  row.ticketId !== latest.ticket.id && (row.day !== latest.day || row.reporter !== latest.reporter);

/** A skill in force already brings this vendor to this ticket. */
function isCovered({ ticket, category, vendor }: ResolvedCase, workspace: Workspace): boolean {
  const skill = knowledgeFor(workspace, ticket, category).skill;
  return skill !== undefined && (vendor === null || skill.metadata?.preferredVendors[0] === vendor);
}

/** The cases of these runs, in their order; runs whose ticket is not resolved are left out. @throws LoopError run_unknown */
export async function casesOf(db: Db, runIds: readonly string[], workspace: Workspace): Promise<ResolvedCase[]> {
  const cases = [];
  for (const runId of runIds) {
    const state = await readState(db, runId);
    const receipt = await findReceipt(db, runId);
    const known = state.ticket?.status === "resolved" ? caseOf(state, { workspace, receipt: receipt?.digest ?? null }) : undefined;
    if (known) cases.push(known);
  }
  return cases;
}

const OTHER_TICKETS = 200;

/** What is said about other categories: late tickets, procedures, closed cases and memos. */
async function otherTexts(db: Db, workspace: Workspace, category: string): Promise<string[]> {
  const tickets = await listTickets(db, { statuses: [], labels: {}, limit: OTHER_TICKETS });
  return [
    ...tickets.filter(({ triage }) => triage?.category !== undefined && triage.category !== category).map(({ body }) => body),
    ...workspace.sops.filter((sop) => sop.category !== category).map((sop) => sop.body),
    ...workspace.history.filter((known) => known.category !== category).map((known) => known.summary),
    ...workspace.voice.filter((memo) => !memo.categories.includes(category)).map((memo) => memo.body),
  ];
}
