import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { AskId } from "#src/kernel/ids.ts";
import { type Act, type ActError, type ActFacts, type ActState, actStatesBefore } from "../act.ts";

/** Plans the acts of a turn. Safe to repeat with the same ids. */
export async function planActs(tx: Transaction, acts: readonly Act[]): Promise<void> {
  for (const act of acts) {
    await sql`
      insert into acts (id, run_id, turn, ordinal, kind, name, effect, state, key, args, facts, binding)
      values (${act.id}, ${act.runId}, ${act.turn}, ${act.ordinal}, ${act.kind}, ${act.name}, ${act.effect}, 'planned', ${act.key},
              ${JSON.stringify(act.args)}::jsonb, ${JSON.stringify(act.facts)}::jsonb, ${act.binding})
      on conflict (id) do nothing`.execute(tx);
  }
}

export interface ActMove {
  readonly act: Act;
  readonly to: ActState;
  readonly decision?: Json;
  readonly askId?: AskId;
  readonly result?: Json;
  readonly error?: ActError;
}

/** Moves an act that nobody performs now. False when its state does not allow the move. */
export async function moveAct(tx: Transaction, move: ActMove): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    update acts set
      state = ${move.to},
      decision = coalesce(${text(move.decision)}::jsonb, decision),
      ask_id = coalesce(${move.askId ?? null}, ask_id),
      result = coalesce(${text(move.result)}::jsonb, result),
      error = coalesce(${text(move.error)}::jsonb, error),
      ended_at = case when ${move.to} in ('done', 'failed', 'denied', 'cancelled') then loop_now() end
    where id = ${move.act.id} and state = any(${actStatesBefore(move.to)}::text[])
    returning id`.execute(tx);
  return rows.length === 1;
}

/** Adds to what is known of an act. */
export async function addFacts(tx: Transaction, act: Act, facts: ActFacts): Promise<void> {
  await sql`update acts set facts = facts || ${JSON.stringify(facts)}::jsonb where id = ${act.id}`.execute(tx);
}

/** Cancels what was planned in the turn of an act and not begun. */
export async function cancelPlannedOfTurn(tx: Transaction, act: Act): Promise<void> {
  await sql`
    update acts set state = 'cancelled', ended_at = loop_now() where run_id = ${act.runId} and turn = ${act.turn} and state in ('planned', 'asked')`.execute(
    tx,
  );
}

/** Cancels what a cancelled run had not started. What was started stays visible as it is. */
export async function cancelActsOfRun(tx: Transaction, runId: string): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    update acts set state = 'cancelled', ended_at = loop_now() where run_id = ${runId} and state in ('planned', 'asked', 'waiting', 'unknown') returning id`.execute(
    tx,
  );
  return rows.length;
}

const text = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value));
