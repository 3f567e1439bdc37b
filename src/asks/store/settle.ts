import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { type AskId, newId, type PrincipalId } from "#src/kernel/ids.ts";
import type { AskDecision } from "../ask.ts";

/** Locks the ask until the transaction ends and says whether it is open. */
export async function lockOpenAsk(tx: Transaction, askId: AskId): Promise<boolean> {
  const { rows } = await sql<{ open: boolean }>`select state = 'open' as open from asks where id = ${askId} for no key update`.execute(tx);
  return rows[0]?.open ?? false;
}

export interface DecisionRow {
  readonly askId: AskId;
  readonly principalId: PrincipalId;
  readonly answer: string;
  readonly reason: string | null;
  readonly face: string;
  readonly kind: AskDecision["kind"];
  readonly nowMs: number;
}

/** False when this person's decision on this ask was recorded before. */
export async function insertDecision(tx: Transaction, row: DecisionRow): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    insert into ask_decisions (id, ask_id, principal_id, answer, reason, face, kind)
    values (${newId("dec", row.nowMs)}, ${row.askId}, ${row.principalId}, ${row.answer}, ${row.reason}, ${row.face}, ${row.kind})
    on conflict (ask_id, principal_id) where kind = 'decision' do nothing
    returning id`.execute(tx);
  return rows.length === 1;
}

/** Keeps what a person wants done instead, beside what was asked. */
export async function keepEdit(tx: Transaction, askId: AskId, args: Json): Promise<void> {
  await sql`update asks set detail = detail || jsonb_build_object('edited', ${JSON.stringify(args)}::jsonb) where id = ${askId} and state = 'open'`.execute(tx);
}

/** Settles the ask and says when, in milliseconds since 1970. The guard is in the statement: two settlers, one winner; undefined for the other. */
export async function settleAsk(tx: Transaction, askId: AskId, verdict: { answer: string; by: string }): Promise<number | undefined> {
  const { rows } = await sql<{ settled_at: Date }>`
    update asks set state = 'answered', answer = ${verdict.answer}, settled_by = ${verdict.by}, settled_at = loop_now(), next_step_at = null, copied = 0
    where id = ${askId} and state = 'open'
    returning settled_at`.execute(tx);
  return rows[0]?.settled_at.getTime();
}

/** A new answer to a settled ask, by someone whose role allows it. The old answer stays among the decisions. */
export async function overrideAsk(tx: Transaction, askId: AskId, verdict: { answer: string; by: string }): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    update asks set state = 'answered', answer = ${verdict.answer}, settled_by = ${verdict.by}, settled_at = loop_now(), next_step_at = null, copied = 0
    where id = ${askId} and state in ('answered', 'expired')
    returning id`.execute(tx);
  return rows.length === 1;
}

/** Cancels what a cancelled run still asks. Gives the ids. */
export async function cancelAsksOfRun(tx: Transaction, runId: string): Promise<AskId[]> {
  const { rows } = await sql<{ id: AskId }>`
    update asks set state = 'cancelled', settled_at = loop_now(), next_step_at = null, copied = 0
    where run_id = ${runId} and state = 'open'
    returning id`.execute(tx);
  return rows.map((row) => row.id);
}

/** Marks what an ended run still asks: it may be answered, though nothing waits for it. */
export async function strandAsksOfRun(db: Db | Transaction, runId: string): Promise<AskId[]> {
  const { rows } = await sql<{ id: AskId }>`
    update asks set stranded = true where run_id = ${runId} and state = 'open' and not stranded returning id`.execute(db);
  return rows.map((row) => row.id);
}
