import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { NewProposal, Proposal, ProposalId } from "../proposal.ts";
import type { SkillTest } from "../skill-test.ts";

/**
 * Opens a proposal. False when the same is open already, and when a proposal of its fingerprint was decided after its `evidence` (tickets that learning
 * has a case of) came in: what was decided comes again only from new evidence.
 */
export async function insertProposal(tx: Transaction, proposal: NewProposal, evidence: readonly string[]): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    insert into proposals (id, kind, state, title, reason, fingerprint, files, sources, test, prompt, author, created_at)
    select ${proposal.id}::text, ${proposal.kind}::text, 'open', ${proposal.title}::text, ${proposal.reason}::text, ${proposal.fingerprint}::text,
           ${JSON.stringify(proposal.files)}::jsonb, ${JSON.stringify(proposal.sources)}::jsonb, ${jsonb(proposal.test)}::jsonb, ${proposal.prompt}::text, ${proposal.author}::text, loop_now()
    where not exists (
      select from proposals before
      where before.fingerprint = ${proposal.fingerprint} and before.decided_at >= (select min(learned_at) from resolved_cases where ticket_id = any(${evidence}::text[])))
    on conflict (fingerprint) where state = 'open' do nothing returning id`.execute(tx);
  return rows.length === 1;
}

export interface ProposalDecision {
  readonly id: ProposalId;
  readonly to: "accepted" | "rejected";
  /** The handle of the person. */
  readonly by: string;
  readonly reason: string | null;
  readonly test: SkillTest | null;
}

/** The one way out of `open`. The guard is in the statement: of two deciders the second waits for the first and is told false. */
export async function decideProposal(tx: Transaction, { id, to, by, reason, test }: ProposalDecision): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    update proposals set state = ${to}, decided_by = ${by}, decided_at = loop_now(), decision_reason = ${reason}, test = coalesce(${jsonb(test)}::jsonb, test)
    where id = ${id} and state = 'open' returning id`.execute(tx);
  return rows.length === 1;
}

/** Says which revision the acceptance made. */
export async function setRevision(tx: Transaction, id: ProposalId, revision: number): Promise<void> {
  await sql`update proposals set revision = ${revision} where id = ${id}`.execute(tx);
}

/** Keeps what the last replay said of a proposal that is still open. */
export async function setTest(db: Db, id: ProposalId, test: SkillTest): Promise<void> {
  await sql`update proposals set test = ${JSON.stringify(test)}::jsonb where id = ${id} and state = 'open'`.execute(db);
}

/** Closes the open skill proposals that this accepted one covers: the same category and vendor, for all of its labels. Gives their ids. */
export async function supersedeCovered(tx: Transaction, { id, sources, decidedBy }: Pick<Proposal, "id" | "sources" | "decidedBy">): Promise<ProposalId[]> {
  const { rows } = await sql<{ id: ProposalId }>`
    update proposals set state = 'superseded', decided_by = ${decidedBy}, decided_at = loop_now(), decision_reason = ${`covered by ${id}`}
    where kind = 'skill' and state = 'open' and id <> ${id}
      and sources->>'category' = ${sources.category ?? null} and sources->>'vendor' is not distinct from ${sources.vendor ?? null}
      and coalesce(sources->'labels', '{}') @> ${JSON.stringify(sources.labels ?? {})}::jsonb
    returning id`.execute(tx);
  return rows.map((row) => row.id);
}

/** The folder of the workspace has its files. */
export async function markWritten(db: Db, id: ProposalId): Promise<void> {
  await sql`update proposals set written_at = loop_now() where id = ${id} and state = 'accepted' and written_at is null`.execute(db);
}

const jsonb = (value: SkillTest | null): string | null => (value === null ? null : JSON.stringify(value));
