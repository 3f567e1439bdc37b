import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { sql } from "kysely";
import { type Case, judged } from "./harness/case.ts";
import { isSigned, modelServers } from "./harness/model-server.ts";
import { until } from "./harness/wait.ts";

const LOOP = join(import.meta.dirname, "..", "bin", "loop");

export const deadLetters: Case = {
  id: "F35",
  title: "a handler fails at every try: the job is kept as a dead letter that the command line shows, and once mended and redriven its effect is there, once",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  async run(world) {
    const { first, homes, database, posted, callbackUrl, receiving } = await modelServers(world);
    const env = { ...process.env, LOOP_HOME: homes[0], DATABASE_URL: database.url };
    const loop = async (...args: string[]): Promise<string> => (await promisify(execFile)(LOOP, args, { env })).stdout;
    receiving.status = 500;
    const before = posted.length;
    const called = await first.call("POST /v1/services/good", {
      body: { messages: [{ role: "user", text: "call me back" }], callback_url: callbackUrl, session_id: "dead-letters" },
    });
    // What takes days is made to take seconds: a job that waits for its next try may try now.
    const hurry = () => sql`update pgboss.job set start_after = clock_timestamp() where name = 'callback' and state = 'retry'`.execute(database.db);
    const letters = async (): Promise<readonly { id: string; queue: string; tries: number; error: string }[]> =>
      (JSON.parse(await loop("jobs", "list", "--json")) as { deadLetters: { id: string; queue: string; tries: number; error: string }[] }).deadLetters;
    const isDead = await until(
      async () => {
        await hurry();
        const { rows } = await sql<{ n: number }>`select count(*)::int as n from pgboss.job where name = 'dead_letters'`.execute(database.db);
        return rows[0]!.n > 0;
      },
      { limitMs: 80_000, everyMs: 200 },
    );
    const [letter] = await letters();
    const tries = posted.length - before;
    const text = await loop("jobs", "list");
    receiving.status = 204;
    const quiet = posted.length;
    if (letter) await loop("jobs", "redrive", letter.id);
    const arrived = await until(() => posted.length > quiet, { limitMs: 20_000 });
    await until(async () => (await letters()).length === 0, { limitMs: 5_000 });
    const after = await letters();
    const ids = new Set(posted.slice(before).map(({ headers }) => String(headers["webhook-id"])));
    return judged({
      reached: isDead ? tries : 0,
      wanted: 13,
      figure: `${tries} tries were refused, then a dead letter of ${letter?.queue} with ${letter?.tries} tries ("${letter?.error.slice(0, 60)}"); after redriving ${posted.length - quiet} delivery, ${after.length} dead letters`,
      conditions: {
        "the call was taken at once": called?.status === 202,
        "the command line shows it, and what to do": text.includes("callback") && text.includes("jobs redrive"),
        "it was tried as often as it says": letter?.tries === tries,
        "redriven, it arrives once, signed, under the same id": arrived && posted.length - quiet === 1 && ids.size === 1 && isSigned(posted.at(-1)!),
        "no dead letter is left": after.length === 0,
      },
    });
  },
};
