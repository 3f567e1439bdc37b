import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { NewAsk } from "../ask.ts";

/** Opens the ask. Safe to repeat with the same id: the second call changes nothing. */
export async function openAsk(tx: Db | Transaction, ask: NewAsk): Promise<void> {
  await sql`
    insert into asks (id, alias, kind, state, purpose, run_id, act_id, ticket_id, prompt, detail, options, approvers, quorum, binding, rule, escalation, next_step_at, revision)
    values (${ask.id}, ${ask.alias ?? null}, ${ask.kind}, 'open', ${ask.purpose}, ${ask.runId}, ${ask.actId}, ${ask.ticketId}, ${ask.prompt}, ${JSON.stringify(ask.detail)}::jsonb,
            ${ask.options}::text[], ${JSON.stringify(ask.approvers)}::jsonb, ${ask.quorum}, ${ask.binding}, ${ask.rule}, ${JSON.stringify(ask.expiry)}::jsonb,
            loop_now() + ${ask.expiry[0]?.afterMs ?? null}::float8 * interval '1 millisecond', ${ask.revision})
    on conflict (id) do nothing`.execute(tx);
}
