import { sql } from "kysely";
import type { Act } from "#src/acts/act.ts";
import { actsOfRun } from "#src/acts/store/read.ts";
import { asksOfRun } from "#src/asks/store/read.ts";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { RunId, ThreadId, TicketId } from "#src/kernel/ids.ts";
import type { Trust } from "#src/policy/trust.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { waitingMessages } from "#src/tickets/store/thread-messages.ts";
import { childrenOf } from "./children.ts";
import type { Message, Run, RunBrief, RunLimits, RunState, RunStatus } from "../run.ts";

interface RunRow {
  readonly id: RunId;
  readonly ticket_id: TicketId | null;
  readonly thread_id: ThreadId | null;
  readonly agent: string;
  readonly runner: "model" | "rules";
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

/** Everything that the next move depends on. @throws LoopError run_unknown */
export async function readState(db: Db, runId: string): Promise<RunState> {
  const { run, nowMs } = await requireRunRow(db, runId);
  const [acts, asks, messages, ticket, waiting] = await Promise.all([
    actsOfRun(db, run.id),
    asksOfRun(db, run.id),
    messagesOfRun(db, run.id),
    run.ticketId ? requireTicket(db, run.ticketId) : null,
    run.threadId && !run.parentRunId ? waitingMessages(db, run.threadId, "steer") : [],
  ]);
  const children = acts.some(waitsForChild) ? await childrenOf(db, run.id) : [];
  return { run, ticket, messages, acts, asks, waiting, children, nowMs };
}

const waitsForChild = ({ state, handle }: Act): boolean => state === "waiting" && (handle as { runId?: RunId } | null)?.runId !== undefined;

/** @throws LoopError run_unknown */
export async function requireRun(db: Db | Transaction, runId: string): Promise<Run> {
  return (await requireRunRow(db, runId)).run;
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

async function requireRunRow(db: Db | Transaction, runId: string): Promise<{ run: Run; nowMs: number }> {
  const { rows } = await sql<RunRow>`select *, (extract(epoch from loop_now()) * 1000)::float8 as now_ms from runs where id = ${runId}`.execute(db);
  const row = rows[0];
  if (!row)
    throw new LoopError("run_unknown", `There is no run ${runId.slice(0, 80)}. \`loop runs\` lists those there are.`, { facts: { run: runId.slice(0, 80) } });
  return { run: toRun(row), nowMs: row.now_ms };
}

async function messagesOfRun(db: Db, runId: RunId): Promise<Message[]> {
  const { rows } = await sql<{ seq: number; role: Message["role"]; name: string | null; source: string; trust: Trust; content: Json }>`
    select seq, role, name, source, trust, content from messages where run_id = ${runId} order by seq`.execute(db);
  return rows;
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
