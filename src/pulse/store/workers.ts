import { sql } from "kysely";
import { isNamed, UNNAMED } from "./worker-names.ts";
import type { Db, Transaction } from "#src/database/open.ts";
import type { RunId, TicketId } from "#src/kernel/ids.ts";
import type { RunStatus } from "#src/runs/run.ts";

/** asked: a person has to approve its start. refused: it never began. starting: its process is not there yet. */
export type WorkerState = "starting" | "asked" | "running" | "exited" | "killed" | "lost" | "refused";
/** stuck: it printed nothing for long. waiting-ask: it waits for an answer. */
export type WorkerHealth = "busy" | "waiting-ask" | "stuck" | "dead";

export interface WorkerRow {
  readonly name: string;
  readonly runId: RunId;
  readonly ticketId: TicketId;
  readonly agent: string;
  readonly state: WorkerState;
  /** Its process lives, or is about to. */
  readonly alive: boolean;
  readonly exitCode: number | null;
  readonly health: WorkerHealth;
  readonly startedAtMs: number;
  /** When it last printed something, as far as was recorded. */
  readonly lastOutputAtMs: number;
  readonly endedAtMs: number | null;
  /** Its oldest open question: the alias, or the id where it has none. */
  readonly askId: string | null;
  /** pending: declared, and not run yet. Null: none was declared. */
  readonly verify: "pending" | "passed" | "failed" | "unreadable" | null;
  /** Why its run ended as it did; null: it did not, or well. */
  readonly reason: string | null;
}

interface Ended {
  readonly state?: "exited" | "killed" | "lost";
  readonly exitCode?: number | null;
  readonly endedAtMs?: number | null;
}

interface Row {
  readonly name: string;
  readonly run_id: RunId;
  readonly ticket_id: TicketId;
  readonly agent: string;
  readonly run_state: RunStatus;
  readonly reason: string | null;
  readonly is_open: boolean;
  readonly created_ms: number;
  readonly now_ms: number;
  readonly act_state: string | null;
  readonly handle: { readonly startedAtMs?: number; readonly lastOutputAtMs?: number; readonly ended?: Ended } | null;
  readonly result: Ended | null;
  readonly ask: string | null;
  readonly verifies: boolean;
  readonly verdict: "passed" | "failed" | "unreadable" | null;
}

const SILENT_AFTER_MS = 900_000;

/** The last run of each worker that lives or ended within three days, by name; with `name` that one alone, however old. `silentAfterMs`: from when on it counts as stuck. */
export async function workers(
  db: Db | Transaction,
  { silentAfterMs = SILENT_AFTER_MS, name }: { silentAfterMs?: number; name?: string } = {},
): Promise<WorkerRow[]> {
  const which = name === undefined ? sql`(r.ended_at is null or r.ended_at > loop_now() - interval '3 days')` : isNamed(name);
  const { rows } = await sql<Row>`
    select l.*, (extract(epoch from loop_now()) * 1000)::float8 as now_ms, a.state as act_state, a.handle, a.result, v.result ->> 'verdict' as verdict,
      (select coalesce(k.alias, k.id) from asks k where k.run_id = l.run_id and k.state = 'open' order by k.created_at, k.id limit 1) as ask
    from (
      select distinct on (1) coalesce(t.alias, ${UNNAMED}) as name, r.id as run_id, t.id as ticket_id, r.agent, r.state as run_state, r.reason, r.ended_at is null as is_open,
        (extract(epoch from r.created_at) * 1000)::float8 as created_ms, r.brief -> 'worker' ? 'verify' as verifies
      from runs r join tickets t on t.id = r.ticket_id
      where r.procedure = 'worker' and ${which}
      order by 1, r.created_at desc, r.id desc
    ) l
    left join lateral (select * from acts where run_id = l.run_id and kind = 'worker' order by turn desc, ordinal desc limit 1) a on true
    left join lateral (select * from acts where run_id = l.run_id and kind = 'check' order by turn desc, ordinal desc limit 1) v on true
    order by l.name`.execute(db);
  return rows.map((row) => toWorker(row, silentAfterMs));
}

function toWorker(row: Row, silentAfterMs: number): WorkerRow {
  const ended = row.handle?.ended ?? (row.result?.state ? row.result : undefined);
  const state = stateOf(row, ended);
  const startedAtMs = row.handle?.startedAtMs ?? row.created_ms;
  const lastOutputAtMs = row.handle?.lastOutputAtMs ?? startedAtMs;
  const alive = state === "starting" || state === "running";
  const isSilent = state === "running" && row.now_ms - Math.max(lastOutputAtMs, startedAtMs) >= silentAfterMs;
  const waits = row.ask !== null && (alive || state === "asked");
  return {
    name: row.name,
    runId: row.run_id,
    ticketId: row.ticket_id,
    agent: row.agent,
    state,
    alive,
    exitCode: ended?.exitCode ?? null,
    health: waits ? "waiting-ask" : !alive ? "dead" : isSilent ? "stuck" : "busy",
    startedAtMs: Math.round(startedAtMs),
    lastOutputAtMs: Math.round(lastOutputAtMs),
    endedAtMs: ended?.endedAtMs ?? null,
    askId: row.ask,
    verify: row.verifies ? (row.verdict ?? "pending") : null,
    reason: row.reason,
  };
}

function stateOf({ act_state, handle, is_open }: Row, ended: Ended | undefined): WorkerState {
  if (ended?.state) return ended.state;
  if (handle !== null && act_state === "waiting" && is_open && handle.startedAtMs !== undefined) return "running";
  if (handle?.startedAtMs !== undefined && !is_open) return "killed"; // its run was cancelled: whoever has the process ends it
  if (!is_open || act_state === "denied" || act_state === "failed" || act_state === "cancelled") return "refused";
  return act_state === "asked" ? "asked" : "starting";
}
