import { type RawBuilder, sql } from "kysely";
import { type Instant, msOf, msOrNull } from "#src/database/instant.ts";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { type ActId, type AskId, isId, type RunId, type TicketId } from "#src/kernel/ids.ts";
import type { Approvers, Ask, AskCopy, AskDecision, AskKind, AskState, ExpiryStep } from "../ask.ts";

export interface AskRow {
  readonly id: AskId;
  readonly alias: string | null;
  readonly kind: AskKind;
  readonly state: AskState;
  readonly stranded: boolean;
  readonly purpose: string;
  readonly run_id: RunId | null;
  readonly act_id: ActId | null;
  readonly ticket_id: TicketId | null;
  readonly prompt: string;
  readonly detail: { readonly [key: string]: Json };
  readonly options: readonly string[];
  readonly approvers: Approvers;
  readonly quorum: number;
  readonly binding: string | null;
  readonly rule: string | null;
  readonly escalation: readonly ExpiryStep[];
  readonly next_step_at: Instant | null;
  readonly revision: number;
  readonly answer: string | null;
  readonly settled_by: string | null;
  readonly created_at: Instant;
  readonly settled_at: Instant | null;
  readonly decisions: readonly AskDecision[];
  readonly copies: readonly AskCopy[];
}

/** By id or by alias. @throws LoopError ask_unknown */
export async function requireAsk(db: Db | Transaction, id: string): Promise<Ask> {
  const [ask] = await select(db, isId("ask", id) ? sql`k.id = ${id}` : sql`(k.id = ${id} or k.alias = ${id})`);
  if (ask) return ask;
  throw new LoopError("ask_unknown", `There is no ask ${id}. \`loop asks --all\` lists those there are.`, { facts: { ask: id } });
}

/** A member of a SELECT: all asks of one run, oldest first, as a JSON array of rows; null when there is none. */
export const askRowsOf = (runId: RawBuilder<unknown>): RawBuilder<unknown> => sql`(select json_agg(o) from (${rowsWhere(sql`k.run_id = ${runId}`)}) o)`;

/** All asks of one run, oldest first. */
export const asksOfRun = (db: Db | Transaction, runId: RunId): Promise<Ask[]> => select(db, sql`k.run_id = ${runId}`);

/** All asks of one ticket, oldest first. */
export const asksOfTicket = (db: Db | Transaction, ticketId: string): Promise<Ask[]> => select(db, sql`k.ticket_id = ${ticketId}`);

/** What needs a person, oldest first; 1,000 at most. */
export const openAsks = (db: Db | Transaction): Promise<Ask[]> => select(db, sql`k.state = 'open'`);

/** Open asks for one purpose that this rule put, oldest first. */
export const openAsksAbout = (db: Db | Transaction, purpose: string, rule: string): Promise<Ask[]> =>
  select(db, sql`k.state = 'open' and k.purpose = ${purpose} and k.rule = ${rule}`);

/** The last asks that were settled, expired or cancelled, newest first. */
export async function closedAsks(db: Db | Transaction, limit: number): Promise<Ask[]> {
  const asks = await select(db, sql`k.id in (select id from asks where state <> 'open' order by settled_at desc nulls last limit ${limit})`);
  return asks.toReversed();
}

const rowsWhere = (condition: RawBuilder<unknown>): RawBuilder<AskRow> => sql<AskRow>`
    select k.*, coalesce((
      select jsonb_agg(jsonb_build_object('principalId', d.principal_id, 'handle', coalesce(p.handle, d.principal_id), 'answer', d.answer, 'reason', d.reason,
                       'face', d.face, 'kind', d.kind, 'atMs', floor(extract(epoch from d.at) * 1000)) order by d.at, d.id)
      from ask_decisions d left join principals p on p.id = d.principal_id where d.ask_id = k.id), '[]') as decisions, coalesce((
      select jsonb_agg(jsonb_build_object('to', coalesce(p.handle, c.principal_id), 'surface', c.surface, 'what', case when c.reminder then 'reminder' else 'ask' end,
                       'state', case when c.message_id is not null then 'delivered' when c.error is not null then 'not_delivered' when c.due is null then 'not_sent'
                                else 'waiting' end,
                       'error', c.error ->> 'message', 'deliveredAtMs', floor(extract(epoch from c.delivered_at) * 1000),
                       'nextTryAtMs', case when c.error is not null then floor(extract(epoch from c.due) * 1000) end) order by c.step, p.handle, c.id)
      from ask_copies c left join principals p on p.id = c.principal_id where c.ask_id = k.id), '[]') as copies
    from asks k where ${condition} order by k.created_at, k.id limit 1000`;

async function select(db: Db | Transaction, condition: RawBuilder<unknown>): Promise<Ask[]> {
  const { rows } = await rowsWhere(condition).execute(db);
  return rows.map(toAsk);
}

export function toAsk(row: AskRow): Ask {
  return {
    id: row.id,
    alias: row.alias,
    kind: row.kind,
    state: row.state,
    stranded: row.stranded,
    purpose: row.purpose,
    runId: row.run_id,
    actId: row.act_id,
    ticketId: row.ticket_id,
    prompt: row.prompt,
    detail: row.detail,
    options: row.options,
    approvers: row.approvers,
    quorum: row.quorum,
    binding: row.binding,
    rule: row.rule,
    expiry: row.escalation,
    revision: row.revision,
    answer: row.answer,
    settledBy: row.settled_by,
    createdAtMs: msOf(row.created_at),
    settledAtMs: msOrNull(row.settled_at),
    nextStepAtMs: msOrNull(row.next_step_at),
    decisions: row.decisions,
    copies: row.copies,
  };
}
