import { isMachine, type Role } from "#src/people/role.ts";
import { type Db, inTransaction, type Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { PrincipalId } from "#src/kernel/ids.ts";
import { mergeFiles, stalePaths } from "#src/learning/merge.ts";
import type { Proposal } from "#src/learning/proposal.ts";
import { casesOf } from "#src/learning/propose-skill.ts";
import { type SkillTest, testSkill } from "#src/learning/skill-test.ts";
import { decideProposal, setRevision, setTest, supersedeCovered } from "#src/learning/store/change-proposals.ts";
import { type ProposalQuery, selectProposal, selectProposals } from "#src/learning/store/read-proposals.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";
import type { FileSet } from "#src/workspace/files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import { problemsText } from "#src/workspace/problem.ts";
import { recordRevision, revisionFiles } from "#src/workspace/revisions.ts";
import { followRevision } from "./effect.ts";
import { type FileWriter, writeAccepted } from "./folder-files.ts";

export interface ProposalDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly workspaces: WorkspaceView;
  /** Where this process holds the folder of the workspace: puts files there. */
  readonly writeFiles?: FileWriter;
}

/** Who decides. */
export interface Decider {
  readonly id: PrincipalId;
  readonly handle: string;
  readonly roles: readonly Role[];
}

export interface ProposalAnswer {
  readonly id: string;
  readonly by: Decider;
  readonly reason?: string;
  /** Called in the transaction that decides, with the proposal as decided: what it writes is there together with the decision. */
  readonly keep?: (tx: Transaction, decided: Proposal) => Promise<void>;
}

/** Newest first. */
export const listProposals = (db: Db, query: ProposalQuery): Promise<Proposal[]> => selectProposals(db, query);

/** @throws LoopError proposal_unknown */
export async function requireProposal(db: Db | Transaction, id: string): Promise<Proposal> {
  const proposal = await selectProposal(db, id);
  if (proposal) return proposal;
  throw new LoopError("proposal_unknown", `There is no proposal ${id.slice(0, 80)}. \`loop proposals\` lists those there are.`, {
    facts: { proposal: id.slice(0, 80) },
  });
}

const DECIDING_ROLES: readonly Role[] = ["owner", "admin", "approver"];

/** What makes a gate milder, or brings in a program, takes more. */
const MIGHTY_ROLES: readonly Role[] = ["owner", "admin"];

/** What learns or works may not let in what it learned. */
function requireDecider({ handle, roles }: Decider, { kind }: Pick<Proposal, "kind">): void {
  const needed = kind === "precedent" || kind === "sensor" ? MIGHTY_ROLES : DECIDING_ROLES;
  if (!isMachine(roles) && roles.some((role) => needed.includes(role))) return;
  throw new LoopError(
    "permission_missing",
    `${handle} may not decide on this proposal: it takes the role ${needed.join(", ")}, and a person. Roles: ${roles.join(", ") || "none"}.`,
    { facts: { handle } },
  );
}

const requireOpen = (proposal: Proposal): void => {
  if (proposal.state !== "open") throw notOpen(proposal);
};

function notOpen({ id, state, decidedBy }: Proposal): LoopError {
  return new LoopError("proposal_not_open", `The proposal ${id} was ${state}${decidedBy === null ? "" : ` by ${decidedBy}`} before. Nothing was changed.`, {
    facts: { proposal: id, state, by: decidedBy },
  });
}

/** Somebody else's revision came in between. */
class Moved extends Error {}

const TRIES = 8;

/**
 * Puts the files of a proposal in force, as one revision in one commit with the decision: of two who accept at once one wins. A skill is tested again against
 * what is in force now, and refused when the test does not pass. The next run uses it. @throws LoopError permission_missing | proposal_unknown |
 * proposal_not_open | proposal_untested | proposal_stale | workspace_invalid | workspace_moving
 */
export async function acceptProposal(deps: ProposalDeps, { id, by, reason, keep }: ProposalAnswer): Promise<Proposal> {
  for (let count = 1; ; count += 1) {
    const proposal = await requireProposal(deps.db, id);
    requireDecider(by, proposal);
    requireOpen(proposal);
    const { revision } = await deps.workspaces.current();
    const files = await revisionFiles(deps.db, revision);
    const test = await requireTested(deps, proposal, { files, revision });
    const merged = requireSound(files, proposal);
    failpoint("accept.tested");
    try {
      await inTransaction(deps.db, (tx) => accept(tx, deps, { proposal, by, reason: reason ?? null, test, files: merged, base: revision, keep }));
      break;
    } catch (error) {
      if (!(error instanceof Moved)) throw error;
      if (count === TRIES)
        throw new LoopError("workspace_moving", `The workspace was revised ${TRIES} times while ${id} was being accepted. Try again when the others are done.`);
    }
  }
  failpoint("accept.committed");
  await followRevision(deps.db, deps.clock, deps.workspaces);
  failpoint("accept.followed");
  if (deps.writeFiles) await writeAccepted(deps.db, deps.writeFiles);
  return requireProposal(deps.db, id);
}

interface Acceptance {
  readonly proposal: Proposal;
  readonly by: Decider;
  readonly reason: string | null;
  readonly test: SkillTest | null;
  readonly files: FileSet;
  readonly base: number;
  readonly keep: ProposalAnswer["keep"];
}

/** Lock order: the proposal, then the revision. */
async function accept(tx: Transaction, { clock }: ProposalDeps, { proposal, by, reason, test, files, base, keep }: Acceptance): Promise<void> {
  const { id, kind, title, sources } = proposal;
  if (!(await decideProposal(tx, { id, to: "accepted", by: by.handle, reason, test }))) throw notOpen(await requireProposal(tx, id));
  failpoint("accept.decided");
  const recorded = await recordRevision(tx, clock, { kind: "apply", author: by.id, note: `accepted ${id}: ${title}`.slice(0, 500), files, base });
  if (recorded.kind === "moved") throw new Moved();
  const revision = recorded.revision.number;
  await setRevision(tx, id, revision);
  failpoint("accept.revised");
  const superseded = kind === "skill" ? await supersedeCovered(tx, { id, sources, decidedBy: by.handle }) : [];
  failpoint("accept.superseded");
  const payload = { proposal: id, kind, title, by: by.handle, reason, revision, passed: test?.passed ?? null, files: proposal.files.map((file) => file.path) };
  await append(tx, clock, [
    { kind: "proposal.accepted", actor: by.id, payload },
    ...superseded.map((other) => ({ kind: "proposal.superseded", actor: by.id, payload: { proposal: other, by: id } })),
  ]);
  failpoint("accept.journaled");
  await keep?.(tx, await requireProposal(tx, id));
}

/** Null for what is no skill. A proposal that fails keeps what the replay said now. */
async function requireTested(
  { db, clock, workspaces }: ProposalDeps,
  proposal: Proposal,
  now: { files: FileSet; revision: number },
): Promise<SkillTest | null> {
  if (proposal.kind !== "skill") return null;
  const { id, files, sources } = proposal;
  const cases = await casesOf(db, sources.runs ?? [], await workspaces.at(now.revision));
  const test = testSkill({ name: sources.skill ?? "", files, cases }, { ...now, nowMs: clock.nowMs() });
  if (test.passed) return test;
  await setTest(db, id, test);
  throw new LoopError("proposal_untested", `The proposal ${id} cannot be accepted: its test does not pass. ${test.why}`, {
    facts: { proposal: id, revision: now.revision },
  });
}

function requireSound(files: FileSet, { id, files: proposed }: Proposal): FileSet {
  const stale = stalePaths(files, proposed);
  if (stale.length > 0) {
    throw new LoopError(
      "proposal_stale",
      `The proposal ${id} was made for other files than those in force: ${stale.join(", ")} changed since. Reject it; it can be proposed again.`,
      { facts: { proposal: id } },
    );
  }
  const merged = mergeFiles(files, proposed);
  const parsed = parseWorkspace(merged);
  if (parsed.kind === "ok") return merged;
  throw new LoopError("workspace_invalid", `The workspace would not be sound with the proposal ${id}. ${problemsText(parsed.problems)}`, {
    facts: { proposal: id, problems: parsed.problems.length },
  });
}

/**
 * Says no. The same skill is proposed again only when two further tickets went the same way. @throws LoopError permission_missing | proposal_unknown |
 * proposal_not_open
 */
export async function rejectProposal({ db, clock }: Pick<ProposalDeps, "db" | "clock">, { id, by, reason, keep }: ProposalAnswer): Promise<Proposal> {
  const proposal = await requireProposal(db, id);
  requireDecider(by, proposal);
  requireOpen(proposal);
  failpoint("reject.read");
  await inTransaction(db, async (tx) => {
    if (!(await decideProposal(tx, { id: proposal.id, to: "rejected", by: by.handle, reason: reason ?? null, test: null })))
      throw notOpen(await requireProposal(tx, id));
    failpoint("reject.decided");
    await append(tx, clock, [
      {
        kind: "proposal.rejected",
        actor: by.id,
        payload: { proposal: proposal.id, kind: proposal.kind, title: proposal.title, by: by.handle, reason: reason ?? null },
      },
    ]);
    failpoint("reject.journaled");
    await keep?.(tx, await requireProposal(tx, id));
  });
  failpoint("reject.committed");
  return requireProposal(db, id);
}
