import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";

/** A secret as it may be shown: everything but the value. */
export interface SecretEntry {
  readonly name: string;
  readonly version: number;
  readonly setAt: Date;
  /** Of the version in force. */
  readonly ageMs: number;
  readonly retiredVersions: number;
}

/** What is in force, by name. */
export async function listSecrets(db: Db): Promise<readonly SecretEntry[]> {
  const { rows } = await sql<SecretEntry>`
    select s.name, s.version, s.created_at as "setAt", (extract(epoch from loop_now() - s.created_at) * 1000)::bigint as "ageMs",
      (select count(*)::int from secrets o where o.name = s.name and o.retired_at is not null) as "retiredVersions"
    from secrets s where s.retired_at is null order by s.name`.execute(db);
  return rows;
}
