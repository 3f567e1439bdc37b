import { sql } from "kysely";
import type { Act } from "#src/acts/act.ts";
import { type ActRow, actRowsOf, toAct } from "#src/acts/store/read.ts";
import { type AskRow, askRowsOf, toAsk } from "#src/asks/store/read.ts";
import type { Db, Transaction } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { RunId, ThreadId, TicketId } from "#src/kernel/ids.ts";
import { ticketRowOf, type TicketRow, toTicket } from "#src/tickets/store/read.ts";
import { waitingMessages } from "#src/tickets/store/thread-messages.ts";
import { childrenOf } from "./children.ts";
import type { Message, Run, RunBrief, RunLimits, RunState, RunStatus } from "../run.ts";

interface RunRow {
  readonly id: RunId;
  readonly ticket_id: TicketId | null;
  readonly thread_id: ThreadId | null;
  readonly agent: string;
  readonly runner: Run["runner"];
  readonly procedure: string;
  readonly state: RunStatus;
  readonly reason: string | null;
  readonly attempt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly limits: RunLimits;
  readonly revision: number;
  readonly turns: number;
  readonly brief: RunBrief;
  readonly parent_run_id: RunId | null;
  readonly created_at: Date;
  readonly ended_at: Date | null;
  readonly now_ms: number;
}

interface StateRow extends RunRow {
  readonly acts: readonly ActRow[] | null;
  readonly asks: readonly AskRow[] | null;
  readonly messages: readonly Message[] | null;
  readonly ticket: TicketRow | null;
}

/** Everything that the next move depends on. @throws LoopError run_unknown */
export async function readState(db: Db, runId: string): Promise<RunState> {
  const [state] = await readStates(db, [runId]);
  return state ?? unknownRun(runId);
}

/** The same of several runs in one statement, in any order; those that are unknown are left out. What a conversation or a part of the work adds is read for those that have it. */
export async function readStates(db: Db | Transaction, runIds: readonly string[]): Promise<RunState[]> {
  const id = sql`r.id`;
  const { rows } = await sql<StateRow>`
    select r.*, (extract(epoch from loop_now()) * 1000)::float8 as now_ms, ${actRowsOf(id)} as acts, ${askRowsOf(id)} as asks, ${ticketRowOf(sql`r.ticket_id`)} as ticket,
      (select json_agg(json_build_object('seq', seq, 'role', role, 'name', name, 'source', source, 'trust', trust, 'content', content) order by seq)
       from messages where run_id = r.id) as messages
    from runs r where r.id = any(${runIds}::text[])`.execute(db);
  return Promise.all(rows.map((row) => toState(db, row)));
}

async function toState(db: Db | Transaction, { acts: actRows, asks, messages, ticket, ...row }: StateRow): Promise<RunState> {
  const run = toRun(row);
  const acts = (actRows ?? []).map(toAct);
  return {
    run,
    ticket: ticket && toTicket(ticket),
    messages: messages ?? [],
    acts,
    asks: (asks ?? []).map(toAsk),
    waiting: run.threadId && !run.parentRunId ? await waitingMessages(db, run.threadId, "steer") : [],
    children: acts.some(waitsForChild) ? await childrenOf(db, run.id) : [],
    nowMs: row.now_ms,
  };
}

const waitsForChild = ({ state, handle }: Act): boolean => state === "waiting" && (handle as { runId?: RunId } | null)?.runId !== undefined;

/** @throws LoopError run_unknown */
export async function requireRun(db: Db | Transaction, runId: string): Promise<Run> {
  const { rows } = await sql<RunRow>`select *, 0 as now_ms from runs where id = ${runId}`.execute(db);
  return rows[0] ? toRun(rows[0]) : unknownRun(runId);
}

function unknownRun(runId: string): never {
  throw new LoopError("run_unknown", `There is no run ${runId.slice(0, 80)}. \`loop runs\` lists those there are.`, { facts: { run: runId.slice(0, 80) } });
}

/** Newest first; those of one ticket, or of all. */
export async function listRuns(db: Db, query: { ticketId?: string; limit: number }): Promise<Run[]> {
  const { rows } = await sql<RunRow>`
    select *, 0 as now_ms from runs where ${query.ticketId ?? null}::text is null or ticket_id = ${query.ticketId ?? null} order by created_at desc, id desc limit ${query.limit}`.execute(
    db,
  );
  return rows.map(toRun);
}

export interface RunCount {
  readonly agent: string;
  readonly total: number;
  readonly open: number;
  readonly lastAtMs: number;
}

/** How many runs each agent had and has. */
export async function countRuns(db: Db): Promise<RunCount[]> {
  const { rows } = await sql<{ agent: string; total: number; open: number; last: Date }>`
    select agent, count(*)::int as total, count(*) filter (where ended_at is null)::int as open, max(created_at) as last from runs group by agent`.execute(db);
  return rows.map(({ last, ...row }) => ({ ...row, lastAtMs: last.getTime() }));
}

function toRun(row: RunRow): Run {
  return {
    id: row.id,
    ticketId: row.ticket_id,
    threadId: row.thread_id,
    agent: row.agent,
    runner: row.runner,
    procedure: row.procedure,
    state: row.state,
    reason: row.reason,
    attempt: row.attempt,
    labels: row.labels,
    limits: row.limits,
    revision: row.revision,
    turns: row.turns,
    brief: row.brief,
    parentRunId: row.parent_run_id,
    createdAtMs: row.created_at.getTime(),
    endedAtMs: row.ended_at?.getTime() ?? null,
  };
}
