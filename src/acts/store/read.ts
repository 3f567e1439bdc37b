import { type RawBuilder, sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { ActId, AskId, RunId } from "#src/kernel/ids.ts";
import type { Act, ActError, ActFacts, ActKind, ActState, EffectClass } from "../act.ts";

/** As Postgres turns the row into JSON. */
export interface ActRow {
  readonly id: ActId;
  readonly run_id: RunId;
  readonly turn: number;
  readonly ordinal: number;
  readonly kind: ActKind;
  readonly name: string;
  readonly effect: EffectClass;
  readonly state: ActState;
  readonly key: string;
  readonly args: Json;
  readonly facts: ActFacts;
  readonly binding: string;
  readonly decision: Json | null;
  readonly ask_id: AskId | null;
  readonly handle: Json | null;
  readonly result: Json | null;
  readonly error: ActError | null;
  readonly attempts: number;
}

/** A member of a SELECT: all acts of a run, in the order in which they were planned, as a JSON array of rows; null when there is none. */
export const actRowsOf = (runId: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(select json_agg(a order by a.turn, a.ordinal, a.id) from acts a where a.run_id = ${runId})`;

/** All acts of a run, in the order in which they were planned. */
export async function actsOfRun(db: Db | Transaction, runId: RunId): Promise<Act[]> {
  const { rows } = await sql<{ acts: ActRow[] | null }>`select ${actRowsOf(sql`${runId}::text`)} as acts`.execute(db);
  return (rows[0]!.acts ?? []).map(toAct);
}

export function toAct(row: ActRow): Act {
  return {
    id: row.id,
    runId: row.run_id,
    turn: row.turn,
    ordinal: row.ordinal,
    kind: row.kind,
    name: row.name,
    effect: row.effect,
    state: row.state,
    key: row.key,
    args: row.args,
    facts: row.facts,
    binding: row.binding,
    decision: row.decision,
    askId: row.ask_id,
    handle: row.handle,
    result: row.result,
    error: row.error,
    attempts: row.attempts,
  };
}
