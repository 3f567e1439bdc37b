import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Proposal, ProposalId, ProposalKind, ProposalSources, ProposalState, ProposedFile } from "../proposal.ts";
import type { SkillTest } from "../skill-test.ts";

interface ProposalRow {
  readonly id: ProposalId;
  readonly kind: ProposalKind;
  readonly state: ProposalState;
  readonly title: string;
  readonly reason: string;
  readonly files: readonly ProposedFile[];
  readonly sources: ProposalSources;
  readonly test: SkillTest | null;
  readonly prompt: string | null;
  readonly author: string;
  readonly created_at: Date;
  readonly decided_by: string | null;
  readonly decided_at: Date | null;
  readonly decision_reason: string | null;
  readonly revision: number | null;
}

export interface ProposalQuery {
  /** Left out: every state. */
  readonly states?: readonly ProposalState[];
  readonly kinds?: readonly ProposalKind[];
  /** Only what was made from this ticket. */
  readonly ticketId?: string;
  /** Only older ones: the id of the last of the page before. */
  readonly before?: string;
  readonly limit: number;
}

/** Newest first. */
export async function selectProposals(db: Db | Transaction, query: ProposalQuery): Promise<Proposal[]> {
  const { rows } = await sql<ProposalRow>`
    select id, kind, state, title, reason, files, sources, test, prompt, author, created_at, decided_by, decided_at, decision_reason, revision
    from proposals
    where (${query.states ?? null}::text[] is null or state = any(${query.states ?? null}::text[]))
      and (${query.kinds ?? null}::text[] is null or kind = any(${query.kinds ?? null}::text[]))
      and (${query.ticketId ?? null}::text is null or sources->'tickets' ? ${query.ticketId ?? null}::text)
      and (${query.before ?? null}::text is null or id < ${query.before ?? null})
    order by id desc limit ${query.limit}`.execute(db);
  return rows.map(toProposal);
}

export async function selectProposal(db: Db | Transaction, id: string): Promise<Proposal | undefined> {
  const { rows } = await sql<ProposalRow>`
    select id, kind, state, title, reason, files, sources, test, prompt, author, created_at, decided_by, decided_at, decision_reason, revision
    from proposals where id = ${id}`.execute(db);
  return rows[0] && toProposal(rows[0]);
}

/** The id of the open proposal of this fingerprint. */
export async function openProposal(db: Db | Transaction, fingerprint: string): Promise<ProposalId | undefined> {
  const { rows } = await sql<{ id: ProposalId }>`select id from proposals where fingerprint = ${fingerprint} and state = 'open'`.execute(db);
  return rows[0]?.id;
}

/** Accepted ones whose files the folder of the workspace does not have yet, oldest decision first. */
export async function selectUnwritten(db: Db): Promise<Proposal[]> {
  const { rows } = await sql<ProposalRow>`
    select id, kind, state, title, reason, files, sources, test, prompt, author, created_at, decided_by, decided_at, decision_reason, revision
    from proposals where state = 'accepted' and written_at is null order by decided_at, id limit 100`.execute(db);
  return rows.map(toProposal);
}

function toProposal({ created_at, decided_by, decided_at, decision_reason, ...row }: ProposalRow): Proposal {
  return { ...row, createdAtMs: created_at.getTime(), decidedBy: decided_by, decidedAtMs: decided_at?.getTime() ?? null, decisionReason: decision_reason };
}
