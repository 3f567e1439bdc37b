import { type RawBuilder, sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Id } from "#src/kernel/ids.ts";
import { type Memory, type MemoryId, type MemoryScopeKind, toMemory } from "../memory.ts";
import { type ItemRow, toItem } from "./item-row.ts";

const select = async (db: Db | Transaction, rest: RawBuilder<unknown>): Promise<Memory[]> => {
  const { rows } = await sql<ItemRow>`
    select id, layer, source, title, body, phrases, data, labels, categories, scope, trust, author, language, digest, happened_at, expires_at
    from brain_items where layer = 'memory' and ${rest}`.execute(db);
  return rows.map((row) => toMemory(toItem(row)));
};
const alive = sql`(expires_at is null or expires_at > loop_now())`;

/** One writer per scope at a time, so that the same is not kept twice. First statement of whoever remembers. */
export async function lockScope(tx: Transaction, key: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('loopwright.memory ' || ${key}, 0))`.execute(tx);
}

export const memoryById = async (db: Db | Transaction, id: string): Promise<Memory | undefined> => (await select(db, sql`id = ${id} and ${alive}`))[0];

/** Those that were kept in this scope or are questioned for it, with this text or about this subject. */
export const memoriesLike = (tx: Transaction, like: { scope: Memory["scope"]; said: string; about: string | null }): Promise<Memory[]> =>
  select(
    tx,
    sql`data->'scope' = ${JSON.stringify(like.scope)}::jsonb and (data->>'said' = ${like.said} or data->>'about' = ${like.about}) and ${alive} order by id`,
  );

/** Of these, whichever are kept in this scope; and the newest of it. */
export const memoriesIn = (db: Db | Transaction, key: string, ids: readonly string[]): Promise<Memory[]> =>
  select(db, sql`scope = ${key} and id = any(${ids}::text[]) and ${alive}`);

export const newestMemories = (db: Db | Transaction, key: string, limit: number): Promise<Memory[]> =>
  select(db, sql`scope = ${key} and ${alive} order by happened_at desc, id desc limit ${limit}`);

export interface MemoryQuery {
  /** Whose memories of scope `person` may be seen. */
  readonly viewer: string;
  readonly scope?: MemoryScopeKind | undefined;
  readonly agent?: string | undefined;
  readonly about?: string | undefined;
  /** The id of the last of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** In the order in which they were remembered, questioned ones too. */
export const listMemories = (db: Db, query: MemoryQuery): Promise<Memory[]> =>
  select(
    db,
    sql`${alive} and id > ${query.after ?? ""}
      and (data->'scope'->>'kind' <> 'person' or data->'scope'->>'of' = ${query.viewer})
      and (${query.scope ?? null}::text is null or data->'scope'->>'kind' = ${query.scope ?? null})
      and (${query.agent ?? null}::text is null or data->>'agent' = ${query.agent ?? null})
      and (${query.about ?? null}::text is null or data->>'about' = ${query.about ?? null})
      order by id limit ${query.limit}`,
  );

/** A hundred at most whose time is over. */
export const expiredMemories = (db: Db | Transaction): Promise<Memory[]> => select(db, sql`expires_at <= loop_now() order by expires_at, id limit 100`);

/** What these agents remembered stays no longer than they may keep it now; what was to go earlier still does. */
export async function shortenMemories(tx: Transaction, keeping: readonly { readonly agent: string; readonly retentionMs: number }[]): Promise<void> {
  await sql`
    update brain_items set expires_at = happened_at + "retentionMs" * interval '1 millisecond'
    from jsonb_to_recordset(${JSON.stringify(keeping)}::jsonb) as keeping (agent text, "retentionMs" double precision)
    where layer = 'memory' and data->>'agent' = agent and expires_at > happened_at + "retentionMs" * interval '1 millisecond'`.execute(tx);
}

/** Questioned ones whose question is settled, with the answer; null: it ended without one. */
export async function answeredMemories(db: Db | Transaction, id: string | null): Promise<{ memory: MemoryId; answer: string | null }[]> {
  const { rows } = await sql<{ memory: MemoryId; answer: string | null }>`
    select i.id as memory, case when a.state = 'answered' then a.answer end as answer
    from brain_items i join asks a on a.id = i.data->>'ask'
    where i.layer = 'memory' and i.data->>'ask' is not null and a.state <> 'open' and (${id}::text is null or i.id = ${id})
    order by i.id limit 100`.execute(db);
  return rows;
}

/** Says that an act gave its run these memories. Safe to call twice. */
export async function insertTellings(db: Db | Transaction, told: { ids: readonly string[]; actId: string; runId: string }): Promise<void> {
  await sql`
    insert into memory_tellings (memory_id, act_id, run_id) select id, ${told.actId}, ${told.runId} from unnest(${told.ids}::text[]) as given (id)
    on conflict do nothing`.execute(db);
}

export interface Telling {
  readonly actId: string;
  readonly runId: Id<"run">;
  readonly agent: string;
  readonly atMs: number;
}

/** Who was told it, oldest first, a thousand at most. */
export async function tellingsOf(db: Db | Transaction, memoryId: string): Promise<Telling[]> {
  const { rows } = await sql<{ act_id: string; run_id: Id<"run">; agent: string; told_at: Date }>`
    select t.act_id, t.run_id, r.agent, t.told_at from memory_tellings t join runs r on r.id = t.run_id
    where t.memory_id = ${memoryId} order by t.told_at, t.act_id limit 1000`.execute(db);
  return rows.map((row) => ({ actId: row.act_id, runId: row.run_id, agent: row.agent, atMs: row.told_at.getTime() }));
}
