import { rememberLesson } from "#src/brain/lessons.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import { findReceipt } from "#src/evidence/store/receipts.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { isOpen } from "#src/runs/run.ts";
import { readState } from "#src/runs/store/state.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";
import { caseOf, patternOf, type ResolvedCase } from "./case.ts";
import { lessonOf } from "./lesson.ts";
import type { NewProposal, ProposalId } from "./proposal.ts";
import { proposedSkill } from "./propose-skill.ts";
import { type CaseRow, insertCase, isConsidered, markConsidered } from "./store/cases.ts";
import { insertProposal } from "./store/change-proposals.ts";
import { lastEndedRun, unlearnedRuns } from "./store/unlearned.ts";

export interface LearningDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly workspaces: WorkspaceView;
}

export type Learned =
  | { readonly kind: "nothing"; readonly why: string }
  /** `isNew` false: the lesson was there before. `proposalId`: the skill that this call proposed. */
  | { readonly kind: "learned"; readonly lessonId: string | null; readonly isNew: boolean; readonly proposalId: ProposalId | null };

/**
 * Learns from the run that resolved its ticket: a lesson, and a proposed skill when it is the second ticket that went this way. Level-triggered: it looks
 * at the record and does what is missing, so it may be called late, twice, by several at once, and after a crash in its middle. @throws LoopError run_unknown
 */
export async function learnFrom(deps: LearningDeps, runId: string): Promise<Learned> {
  const { db, workspaces } = deps;
  const state = await readState(db, runId);
  const { ticket, run } = state;
  if (ticket?.status !== "resolved" || isOpen(run.state))
    return { kind: "nothing", why: ticket ? `the ticket is ${ticket.status}, the run ${run.state}` : "the run has no ticket" };
  if ((await lastEndedRun(db, ticket.id)) !== run.id) return { kind: "nothing", why: "another run of the ticket ended later" };
  const { workspace } = await workspaces.current();
  failpoint("learn.read");
  const receipt = await findReceipt(db, run.id);
  const resolved = caseOf(state, { workspace, receipt: receipt?.digest ?? null });
  const lesson = resolved ? lessonOf(resolved, workspace) : null;
  const row: CaseRow = {
    ticketId: ticket.id,
    runId: run.id,
    lessonId: lesson?.id ?? null,
    pattern: resolved ? patternOf(resolved) : null,
    day: resolved?.day ?? "",
    reporter: resolved?.reporter ?? "",
  };
  const isNew = await inTransaction(db, async (tx) => {
    if (!(await insertCase(tx, row))) return false; // a lesson that a person took back is not learned again
    failpoint("learn.case");
    if (!lesson) return true;
    await rememberLesson(tx, lesson);
    failpoint("learn.lesson");
    await append(tx, deps.clock, [
      { kind: "lesson.learned", actor: "system", runId: run.id, ticketId: ticket.id, payload: { lesson: lesson.id, ...lesson.data } },
    ]);
    return true;
  });
  failpoint("learn.remembered");
  // Only now, when the case is committed: of two tickets that are learned from at once the later one sees the other.
  const proposalId = await considerSkill(deps, row, resolved);
  return { kind: "learned", lessonId: row.lessonId, isNew, proposalId };
}

async function considerSkill(deps: LearningDeps, row: CaseRow, resolved: ResolvedCase | undefined): Promise<ProposalId | null> {
  const { db, clock } = deps;
  if (await isConsidered(db, row.ticketId)) return null;
  const proposal = resolved && (await proposedSkill(deps, resolved));
  failpoint("learn.considered");
  return inTransaction(db, async (tx) => {
    const opened = proposal !== undefined && (await insertProposal(tx, proposal, proposal.sources.tickets));
    failpoint("learn.proposed");
    if (opened) await append(tx, clock, [{ kind: "proposal.opened", actor: "system", ticketId: resolved!.ticket.id, payload: openedPayload(proposal) }]);
    await markConsidered(tx, row.ticketId);
    return opened ? proposal.id : null;
  });
}

const openedPayload = ({ id, kind, title, sources, test, files }: NewProposal) => ({
  proposal: id,
  kind,
  title,
  tickets: sources.tickets,
  passed: test?.passed ?? null,
  files: files.map((file) => file.path),
});

const PAGE = 100;

/**
 * The sweep: learns from every resolved ticket from which nothing was learned yet, one after the other. One that cannot be learned from keeps no other from
 * its turn. Gives how many tickets it went through. @throws AggregateError of what failed, after all had their turn
 */
export async function learnFromResolved(deps: LearningDeps): Promise<number> {
  const failed: unknown[] = [];
  let count = 0;
  for (let after = ""; ;) {
    const page = await unlearnedRuns(deps.db, { after, limit: PAGE });
    for (const { runId } of page) {
      const [outcome] = await Promise.allSettled([learnFrom(deps, runId)]);
      if (outcome.status === "rejected") failed.push(outcome.reason);
    }
    count += page.length;
    if (page.length < PAGE) break;
    after = page.at(-1)!.ticketId;
  }
  if (failed.length > 0) throw new AggregateError(failed, `nothing could be learned from ${failed.length} of ${count} resolved tickets`);
  return count;
}
