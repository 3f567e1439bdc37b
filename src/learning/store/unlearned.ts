import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";

export interface Unlearned {
  readonly ticketId: string;
  readonly runId: string;
}

/** Resolved tickets from which nothing was learned yet, in order of id, each with the run that ended last. `after`: the last ticket of the page before. */
export async function unlearnedRuns(db: Db, { after, limit }: { after: string; limit: number }): Promise<Unlearned[]> {
  const { rows } = await sql<Unlearned>`
    select t.id as "ticketId", r.id as "runId"
    from tickets t
      cross join lateral (select id from runs where ticket_id = t.id and ended_at is not null order by ended_at desc, id desc limit 1) r
    where t.status = 'resolved' and t.id > ${after}
      and not exists (select from resolved_cases c where c.ticket_id = t.id and c.considered_at is not null)
    order by t.id limit ${limit}`.execute(db);
  return rows;
}

/** The run of a ticket that ended last; undefined while none has. */
export async function lastEndedRun(db: Db, ticketId: string): Promise<string | undefined> {
  const { rows } = await sql<{
    id: string;
  }>`select id from runs where ticket_id = ${ticketId} and ended_at is not null order by ended_at desc, id desc limit 1`.execute(db);
  return rows[0]?.id;
}
