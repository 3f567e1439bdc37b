import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

/** The bounds in force; lanes that are not named have none any more. */
export async function setLanes(tx: Transaction, lanes: readonly { readonly name: string; readonly maxRunning: number }[]): Promise<void> {
  const names = lanes.map((lane) => lane.name);
  const bounds = lanes.map((lane) => lane.maxRunning);
  await sql`delete from lanes where name <> all(${names}::text[])`.execute(tx);
  await sql`
    insert into lanes (name, max_running) select * from unnest(${names}::text[], ${bounds}::int[])
    on conflict (name) do update set max_running = excluded.max_running where lanes.max_running <> excluded.max_running`.execute(tx);
}
