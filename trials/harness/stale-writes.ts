import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";

/*
 * Who moves an act or adds to a transcript must hold its run. The engines of a trial name their connections as they name themselves, so the database itself
 * can tell: a trigger writes down each row that was written by an engine that did not hold the run at that moment. Costs that are settled late are facts and
 * no moves; they stand in the ledger, which is not watched.
 */
const WATCH = `
  create table trial_stale_writes (at timestamptz not null default clock_timestamp(), writer text, holder text, run_id text, what text);
  create function trial_note_stale() returns trigger language plpgsql as $$
  declare
    writer text := current_setting('application_name');
    owner text;
  begin
    if writer not like 'engine%' then return null; end if;
    select holder into owner from runs where id = new.run_id;
    if owner is distinct from writer then
      insert into trial_stale_writes (writer, holder, run_id, what) values (writer, owner, new.run_id, tg_table_name || ' ' || tg_op);
    end if;
    return null;
  end $$;
  create trigger trial_stale_acts after insert or update on acts for each row execute function trial_note_stale();
  create trigger trial_stale_messages after insert or update on messages for each row execute function trial_note_stale();`;

export async function watchStaleWrites(db: Db): Promise<void> {
  await sql.raw(WATCH).execute(db);
}

export async function staleWrites(db: Db): Promise<{ writer: string; holder: string | null; what: string }[]> {
  const { rows } = await sql<{ writer: string; holder: string | null; what: string }>`select writer, holder, what from trial_stale_writes order by at`.execute(
    db,
  );
  return rows;
}
