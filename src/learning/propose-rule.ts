import { z } from "zod";
import { digestOf, type Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { newId } from "#src/kernel/ids.ts";
import { categoriesOf } from "#src/runs/desk/knowledge.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import type { Ticket } from "#src/tickets/ticket.ts";
import { approvers, slug } from "#src/workspace/manifest/common.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { didYouMean } from "#src/workspace/nearest.ts";
import { revisionFiles } from "#src/workspace/revisions.ts";
import type { LearningDeps } from "./learn.ts";
import { putBeforePeople, soundWith } from "./open-proposal.ts";
import type { NewProposal, Proposal, ProposedFile } from "./proposal.ts";
import { milderDispatch } from "./rule-gate.ts";
import { ruleFile } from "./rule-file.ts";
import { sopFile } from "./sop-file.ts";

/** A stricter rule that somebody wants. There is no way to ask for a milder one: that is an edit, and `loop apply` shows who gains what by it. */
export const ruleRequest = z.strictObject({
  title: z.string().trim().min(1).max(120).describe("what the rule is for, in a few words"),
  text: z.string().trim().min(1).max(2_000).optional().describe("why, in your own words"),
  change: z.enum(["policy", "sop"]).default("policy").describe("policy: a new rule; sop: a lower threshold in the procedure of the category"),
  category: slug.optional().describe("left out: that of the ticket"),
  severityAtLeast: z.int().min(1).max(5).optional().describe("left out: that of the ticket"),
  then: z.enum(["ask", "deny"]).default("ask"),
  approvers: approvers.optional().describe("who is asked; left out: anyone with the role approver, admin or owner"),
  escalateTo: approvers.optional().describe("who is asked next when nobody answers"),
  escalateAfterMinutes: z.int().min(1).max(10_080).default(30),
});
export type RuleRequest = z.infer<typeof ruleRequest>;

/** The request with everything that it left open filled in. */
export interface RuleWanted extends RuleRequest {
  readonly category: string;
  readonly severityAtLeast: number;
  /** What led to it, in sentences. */
  readonly reason: string;
}

export interface RuleOrigin {
  /** As the person or program sent it. */
  readonly request: unknown;
  /** The ticket that shows what is missing; id or number. Left out: the request names category and severity. */
  readonly ticketId?: string;
  /** A principal id, or `agent:<name>`. */
  readonly author: string;
}

/**
 * Puts a policy or SOP change before people, as files that nobody has taken yet: nothing is edited, nothing in force changes. The same request twice is one
 * open proposal. @throws LoopError input_invalid | ticket_unknown | revision_unknown
 */
export async function proposeRule(deps: LearningDeps, { request, ticketId, author }: RuleOrigin): Promise<Proposal> {
  const { db, clock, workspaces } = deps;
  const ticket = ticketId === undefined ? undefined : await requireTicket(db, ticketId);
  const { revision, workspace } = await workspaces.current();
  const wanted = completed(readRequest(request), { ticket, workspace });
  const files = await revisionFiles(db, revision);
  const id = newId("pro", clock.nowMs());
  const made = wanted.change === "sop" ? sopFile(wanted, { files, workspace }) : ruleFile(wanted, { id, nowMs: clock.nowMs(), workspace });
  requireStricter(wanted, { before: workspace, after: soundWith(files, made.file) });
  const proposal: NewProposal = {
    id,
    kind: wanted.change === "sop" ? "sop" : "rule",
    title: wanted.title,
    reason: wanted.reason,
    fingerprint: `${wanted.change}:${digestOf(meaningOf(wanted))}`,
    files: [made.file],
    sources: { tickets: ticket ? [ticket.id] : [], category: wanted.category, severityAtLeast: wanted.severityAtLeast, rule: made.name },
    test: null,
    prompt: promptFor(wanted, made.file),
    author,
  };
  return putBeforePeople(deps, proposal);
}

function readRequest(request: unknown): RuleRequest {
  const read = ruleRequest.safeParse(request);
  if (read.success) return read.data;
  throw new LoopError("input_invalid", `The rule cannot be proposed. ${z.prettifyError(read.error)}`, { cause: read.error });
}

function completed(request: RuleRequest, { ticket, workspace }: { ticket: Ticket | undefined; workspace: Workspace }): RuleWanted {
  const category = request.category ?? ticket?.triage?.category;
  const severityAtLeast = request.severityAtLeast ?? ticket?.triage?.severity;
  if (category === undefined || severityAtLeast === undefined) {
    const missing = [...(category === undefined ? ["category"] : []), ...(severityAtLeast === undefined ? ["severityAtLeast"] : [])].join(" and ");
    throw new LoopError(
      "input_invalid",
      `The rule needs ${missing}: ${ticket ? `#${ticket.number} was not triaged` : "there is no ticket to take it from"}. Name it in the request.`,
    );
  }
  const categories = categoriesOf(workspace);
  if (!categories.includes(category)) {
    const { hint } = didYouMean(category, categories);
    throw new LoopError(
      "input_invalid",
      `There is no category ${category}; a rule for it would never apply. ${hint ?? `Known: ${categories.join(", ") || "none"}.`}`,
      { facts: { category } },
    );
  }
  const from = ticket
    ? `From #${ticket.number}: ${category}, severity ${ticket.triage?.severity ?? "unknown"}, ${ticket.status}${sentTo(ticket)}.`
    : "Asked for without a ticket.";
  return { ...request, category, severityAtLeast, reason: [from, ...(request.text ? [request.text] : [])].join(" ") };
}

function sentTo({ triage }: Ticket): string {
  if (!triage?.vendor) return "";
  return `, drafted for ${triage.vendor} at ${triage.costUsd === null || triage.costUsd === undefined ? "an unknown cost" : `$${triage.costUsd}`}`;
}

/** What makes two requests the same. */
function meaningOf({ category, severityAtLeast, then, approvers: who, escalateTo, escalateAfterMinutes }: RuleWanted): Json {
  return { category, severityAtLeast, then, approvers: who ?? null, escalate: escalateTo ? { to: escalateTo, afterMinutes: escalateAfterMinutes } : null };
}

function requireStricter({ category, then }: RuleWanted, { before, after }: { before: Workspace; after: Workspace }): void {
  const milder = then === "deny" ? undefined : milderDispatch(before, after, category);
  if (milder === undefined) return;
  throw new LoopError(
    "input_invalid",
    `The rule would make a gate milder, and a proposed rule may only make one stricter: ${milder}. Propose one that denies, or edit the policy and apply it.`,
    { facts: { category } },
  );
}

/** The same change for a coding agent that works on the repository of the workspace and opens a pull request. */
function promptFor({ title, reason, category, severityAtLeast, then }: RuleWanted, { path, text, base }: ProposedFile): string {
  return [
    `${base === null ? "Add" : "Replace"} one file of this Loopwright workspace and change nothing else: ${path}`,
    "",
    `What it is for: ${title}`,
    `What led to it: ${reason}`,
    `What it must do: a dispatch of the category ${category} at severity ${severityAtLeast} or above is ${then === "deny" ? "denied" : "asked for"} by it. It may not make any other act easier.`,
    "",
    "The file:",
    "",
    "```",
    text.trimEnd(),
    "```",
    "",
    "Then run `loop apply`: it must show this change and no other, and nobody who gains power. Open a pull request with the title and the reason above.",
  ].join("\n");
}
