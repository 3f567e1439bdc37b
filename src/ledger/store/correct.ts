import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { CHARGE_OF_LEDGER, chargeAllotment, settle, type Settlement, type SettleOutcome, settleOutcome, type SettleRow } from "./settle.ts";

/** The outcome of an attempt that came after its run had moved on: settles it, or puts what was measured in the place of an estimate. Safe to call twice. */
export async function settleLate(db: Db, settlement: Settlement): Promise<SettleOutcome> {
  const outcome = await settle(db, settlement);
  return outcome.kind === "settled" || settlement.source === "estimated" ? outcome : correct(db, settlement);
}

async function correct(db: Db, settlement: Settlement): Promise<SettleOutcome> {
  const { tokens } = settlement;
  const { rows } = await sql<SettleRow>`
    with was as materialized (
      select act_id, attempt, ${CHARGE_OF_LEDGER} from ledger
      where act_id = ${settlement.actId} and attempt = ${settlement.attempt}::int and state = 'settled' and source = 'estimated'
      for no key update
    ),
    corrected as (
      update ledger set source = ${settlement.source}, cost_nanos = ${settlement.costNanos}::bigint, list_nanos = ${settlement.listNanos}::bigint,
        model = coalesce(${settlement.model}, model), priced_as = coalesce(${settlement.pricedAs}, priced_as),
        input_tokens = ${tokens.input}::bigint, cached_tokens = ${tokens.cached}::bigint,
        output_tokens = ${tokens.output}::bigint, reasoning_tokens = ${tokens.reasoning}::bigint
      from was where ledger.act_id = was.act_id and ledger.attempt = was.attempt
      returning ledger.act_id, ledger.run_id, ${CHARGE_OF_LEDGER}
    ),
    correct_entry as (
      select c.run_id, 0 as reserved_nanos, 0 as reserved_tokens, c.charge_nanos - was.charge_nanos as charge_nanos,
        c.charge_tokens - was.charge_tokens as charge_tokens, c.unknown_calls - was.unknown_calls as unknown_calls
      from corrected c join was using (act_id)
    ),
    settle as (${chargeAllotment("correct_entry")})
    select coalesce(overrun_nanos, 0) as overrun_nanos, coalesce(overrun_tokens, 0) as overrun_tokens, coalesce(draining, false) as draining
    from correct_entry left join settle on true`.execute(db);
  return settleOutcome(rows[0]);
}
