import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";

/** Where the export goes on; made at the end of the journal where there is none: what was before is not sent. */
export async function cursorOf(db: Db, name: string): Promise<number> {
  const { rows } = await sql<{ position: number }>`
    with made as (
      insert into export_cursors (name, position) select ${name}, position from journal_head on conflict (name) do nothing returning position
    )
    select position from made union all select position from export_cursors where name = ${name} limit 1`.execute(db);
  return rows[0]!.position;
}

export async function moveCursor(db: Db | Transaction, name: string, position: number): Promise<void> {
  await sql`update export_cursors set position = ${position}, at = loop_now() where name = ${name} and position < ${position}`.execute(db);
}

/** One act as it ended, with the calls that it cost. */
export interface EndedAct {
  readonly id: string;
  readonly runId: string;
  readonly agent: string;
  readonly kind: string;
  readonly name: string;
  readonly state: string;
  readonly callId: string | null;
  readonly error: { readonly code?: string; readonly message?: string } | null;
  readonly result: { readonly model?: string; readonly finish?: string } | null;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly model: string | null;
  readonly inputTokens: number | null;
  readonly cachedTokens: number | null;
  readonly outputTokens: number | null;
  readonly reasoningTokens: number | null;
  readonly costNanos: number | null;
}

export async function endedActs(db: Db, ids: readonly string[]): Promise<EndedAct[]> {
  const { rows } = await sql<EndedAct>`
    select a.id, a.run_id as "runId", r.agent, a.kind, a.name, a.state, a.facts ->> 'callId' as "callId", a.error, a.result, a.started_at as "startedAt",
      a.ended_at as "endedAt", l.model, l.input_tokens as "inputTokens", l.cached_tokens as "cachedTokens", l.output_tokens as "outputTokens",
      l.reasoning_tokens as "reasoningTokens", l.cost_nanos as "costNanos"
    from acts a join runs r on r.id = a.run_id
      left join lateral (select * from ledger where act_id = a.id order by attempt desc limit 1) l on true
    where a.id = any(${ids}::text[]) order by a.id`.execute(db);
  return rows;
}

export interface EndedRun {
  readonly id: string;
  readonly ticketId: string | null;
  readonly threadId: string | null;
  readonly agent: string;
  readonly state: string;
  readonly reason: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly revision: number;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

export async function endedRuns(db: Db, ids: readonly string[]): Promise<EndedRun[]> {
  const { rows } = await sql<EndedRun>`
    select id, ticket_id as "ticketId", thread_id as "threadId", agent, state, reason, labels, revision, created_at as "createdAt", ended_at as "endedAt"
    from runs where id = any(${ids}::text[]) order by id`.execute(db);
  return rows;
}
