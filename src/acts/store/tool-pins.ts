import { sql } from "kysely";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { ListedTool, ToolPin, ToolSourceKey } from "../ports/tool-pins.ts";

interface PinRow {
  readonly tool: string;
  readonly digest: string | null;
  readonly definition: Json;
  readonly seen_digest: string | null;
  readonly seen_definition: Json;
}

const toPin = (row: PinRow): ToolPin => ({
  tool: row.tool,
  digest: row.digest,
  definition: row.definition,
  seenDigest: row.seen_digest,
  seenDefinition: row.seen_definition,
});

export async function selectPins(db: Db | Transaction, { server, source }: ToolSourceKey): Promise<ToolPin[]> {
  const { rows } = await sql<PinRow>`
    select tool, digest, definition, seen_digest, seen_definition from tool_pins where server = ${server} and source = ${source} order by tool`.execute(db);
  return rows.map(toPin);
}

export async function isKnownSource(db: Db | Transaction, { server, source }: ToolSourceKey): Promise<boolean> {
  const { rows } = await sql`select 1 from tool_sources where server = ${server} and source = ${source}`.execute(db);
  return rows.length === 1;
}

/** True for whoever sees the source first; all others wait here until that one has committed. */
export async function insertSource(tx: Transaction, { server, source }: ToolSourceKey): Promise<boolean> {
  const { rows } = await sql`insert into tool_sources (server, source) values (${server}, ${source}) on conflict do nothing returning server`.execute(tx);
  return rows.length === 1;
}

/** Locks the source, so that two that list at once write one after the other. */
export async function lockSource(tx: Transaction, { server, source }: ToolSourceKey): Promise<void> {
  await sql`select 1 from tool_sources where server = ${server} and source = ${source} for update`.execute(tx);
}

/** What is listed now, beside what may be used. `pinned`: it may be used from now on. */
export async function writeSeen(
  tx: Transaction,
  key: ToolSourceKey,
  seen: { readonly listed: readonly ListedTool[]; readonly pinned: boolean },
): Promise<void> {
  const { server, source } = key;
  const names = seen.listed.map(({ tool }) => tool);
  const digests = seen.listed.map(({ digest }) => digest);
  const definitions = seen.listed.map(({ definition }) => JSON.stringify(definition));
  await sql`
    insert into tool_pins (server, source, tool, digest, definition, seen_digest, seen_definition)
    select ${server}, ${source}, l.tool, case when ${seen.pinned} then l.digest end, case when ${seen.pinned} then l.definition::jsonb end, l.digest, l.definition::jsonb
    from unnest(${names}::text[], ${digests}::text[], ${definitions}::text[]) as l (tool, digest, definition)
    on conflict (server, source, tool) do update set seen_digest = excluded.seen_digest, seen_definition = excluded.seen_definition
    where tool_pins.seen_digest is distinct from excluded.seen_digest`.execute(tx);
  await sql`
    update tool_pins set seen_digest = null, seen_definition = null
    where server = ${server} and source = ${source} and seen_digest is not null and tool <> all(${names}::text[])`.execute(tx);
}

/** Lets what the server listed last be used, if that is still what whoever approves has seen. */
export async function approveSeen(
  tx: Transaction,
  { server, source, tool, digest, by }: ToolSourceKey & { readonly tool: string; readonly digest: string; readonly by: string },
): Promise<boolean> {
  const { rows } = await sql`
    update tool_pins set digest = seen_digest, definition = seen_definition, decided_by = ${by}, decided_at = loop_now()
    where server = ${server} and source = ${source} and tool = ${tool} and seen_digest = ${digest} and digest is distinct from seen_digest
    returning tool`.execute(tx);
  return rows.length === 1;
}
