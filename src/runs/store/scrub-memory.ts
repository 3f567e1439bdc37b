import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

const GONE = "[forgotten]";

/** Takes the text of a memory out of the acts that kept it or were given it, out of the call in the transcript, and out of questions about it. That they happened stays. */
export async function scrubMemory(tx: Transaction, memory: { id: string; actId: string; runId: string }): Promise<void> {
  await sql`
    update acts set args = args || jsonb_build_object('text', ${GONE}::text) where id = ${memory.actId} and args ? 'text'`.execute(tx);
  await sql`
    update messages m set content = jsonb_set(m.content, '{toolCalls}', (
      select jsonb_agg(case when call->>'callId' = a.facts->>'callId' then jsonb_set(call, '{args,text}', to_jsonb(${GONE}::text)) else call end order by nth)
      from jsonb_array_elements(m.content->'toolCalls') with ordinality as calls (call, nth)))
    from acts a
    where a.id = ${memory.actId} and m.run_id = ${memory.runId} and jsonb_typeof(m.content->'toolCalls') = 'array'
      and m.content->'toolCalls' @> jsonb_build_array(jsonb_build_object('callId', a.facts->'callId', 'name', a.name))`.execute(tx);
  await sql`
    update acts a set result = jsonb_set(a.result, '{memories}', (
      select coalesce(jsonb_agg(case when one->>'id' = ${memory.id} then one || jsonb_build_object('text', ${GONE}::text, 'about', null) else one end order by nth), '[]')
      from jsonb_array_elements(a.result->'memories') with ordinality as told (one, nth)))
    where a.id in (select act_id from memory_tellings where memory_id = ${memory.id}) and jsonb_typeof(a.result->'memories') = 'array'`.execute(tx);
  await sql`
    update asks set detail = detail || jsonb_build_object(
      'new', case when detail->'new'->>'id' = ${memory.id} then jsonb_build_object('id', ${memory.id}::text) else detail->'new' end,
      'old', (select coalesce(jsonb_agg(case when one->>'id' = ${memory.id} then jsonb_build_object('id', ${memory.id}::text) else one end order by nth), '[]')
        from jsonb_array_elements(detail->'old') with ordinality as olds (one, nth)))
    where purpose = 'memory' and (detail->'new'->>'id' = ${memory.id} or detail->'old' @> jsonb_build_array(jsonb_build_object('id', ${memory.id}::text)))`.execute(
    tx,
  );
}
