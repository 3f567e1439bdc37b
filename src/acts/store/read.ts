import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { ActId, AskId, RunId } from "#src/kernel/ids.ts";
import type { Act, ActError, ActFacts, ActKind, ActState, EffectClass } from "../act.ts";

interface ActRow {
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

/** All acts of a run, in the order in which they were planned. */
export async function actsOfRun(db: Db | Transaction, runId: RunId): Promise<Act[]> {
  const { rows } = await sql<ActRow>`
    select id, run_id, turn, ordinal, kind, name, effect, state, key, args, facts, binding, decision, ask_id, handle, result, error, attempts
    from acts where run_id = ${runId} order by turn, ordinal, id`.execute(db);
  return rows.map(toAct);
}

function toAct(row: ActRow): Act {
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
