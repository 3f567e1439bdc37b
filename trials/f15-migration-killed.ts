import { join } from "node:path";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { type Case, judged } from "./harness/case.ts";
import type { Said } from "./harness/child.ts";
import { startServer } from "./harness/server.ts";
import { inLanes } from "./harness/wait.ts";
import type { World } from "./harness/world.ts";

const CHILD = new URL("./migrate-child.ts", import.meta.url);

/** Everything that a migration makes, as one text that can be compared. */
async function schemaOf(db: Db): Promise<string> {
  const { rows } = await sql<{ line: string }>`
    select line from (
      select format('column %s.%s.%s %s %s %s', table_schema, table_name, column_name, data_type, is_nullable, column_default) as line
        from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema')
      union all select format('index %s', indexdef) from pg_indexes where schemaname not in ('pg_catalog', 'information_schema')
      union all select format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) from pg_constraint where connamespace not in (select oid from pg_namespace where nspname in ('pg_catalog', 'information_schema'))
      union all select format('function %s %s', proname, md5(prosrc)) from pg_proc where pronamespace not in (select oid from pg_namespace where nspname in ('pg_catalog', 'information_schema'))
      union all select format('migrated %s', name) from kysely_migration
      union all select format('head %s', position) from journal_head
    ) all_lines order by line`.execute(db);
  return rows.map((row) => row.line).join("\n");
}

async function migrateBy(
  world: World,
  url: string,
  { at, when }: { at: number; when: "before" | "after" },
): Promise<{ signal: string | null; said: Said | undefined }> {
  const child = world.start({ name: `migrate-${at}-${when}`, script: CHILD, args: [url, String(at), when] });
  const { signal } = await child.exited;
  return { signal, said: child.said[0] };
}

export const migrationKilled: Case = {
  id: "F15",
  title:
    "a migration is killed at every statement, before it and in the middle of it: the next one completes, to the same tables; an older program refuses newer tables with a message",
  short: true,
  limitMs: { short: 240_000, full: 600_000 },
  async run(world) {
    const reference = await world.database({ empty: true, poolSize: 2 });
    const unharmed = await migrateBy(world, reference.url, { at: 0, when: "after" });
    const expected = await schemaOf(reference.db);
    const messages = Number(unharmed.said?.["sent"] ?? 0);
    const points = Array.from({ length: messages }, (_, index) => index + 1).flatMap((at) => [
      { at, when: "before" as const },
      { at, when: "after" as const },
    ]);
    const chosen = world.short ? points.filter((_, index) => index % 5 === 0) : points;
    const wrong: string[] = [];
    let killed = 0;
    await inLanes(chosen, 2, async (point) => {
      const database = await (await world.cluster()).database({ empty: true, poolSize: 2 });
      const first = await migrateBy(world, database.url, point);
      if (first.signal === "SIGKILL") killed += 1;
      const second = await migrateBy(world, database.url, { at: 0, when: "after" });
      if (second.said?.say !== "migrated") wrong.push(`${point.when} ${point.at}: ${JSON.stringify(second.said)}`);
      else if ((await schemaOf(database.db)) !== expected) wrong.push(`${point.when} ${point.at}: other tables`);
      await database.close();
    });
    await sql`insert into kysely_migration (name, timestamp) values ('9999_from_the_future', '2099-01-01T00:00:00.000Z')`.execute(reference.db);
    const old = await startServer(world, { name: "old", home: join(world.folder, "old"), databaseUrl: reference.url });
    const { code } = await old.exited;
    const refusal = old.said.find((one) => one.say === "refused");
    const isClear = code === 1 && refusal?.["code"] === "database_newer" && String(refusal["message"]).includes("9999_from_the_future");
    return judged({
      reached: killed,
      wanted: chosen.length,
      figure: `${messages} statements, killed ${killed} times, ${wrong.length} not completed afterwards${wrong.length > 0 ? `: ${wrong.slice(0, 3).join(" | ")}` : ""}; a program that does not know the tables says ${String(refusal?.["code"])}`,
      conditions: { "completes to the same tables": wrong.length === 0 && messages > 0, "the older program refuses": isClear },
    });
  },
};
