import { sql } from "kysely";
import type { Transaction } from "#src/database/open.ts";

/** People or their roles have changed: who may answer an open ask, and so who is to have a copy of it, is looked at again. In order of id, as others lock them one by one. */
export async function lookAgainAtOpenAsks(tx: Transaction): Promise<void> {
  await sql`
    with k as materialized (select id from asks where state = 'open' and copied <> 0 order by id for no key update)
    update asks a set copied = 0 from k where a.id = k.id`.execute(tx);
}
