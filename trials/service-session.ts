import { sql } from "kysely";
import { type Case, judged } from "./harness/case.ts";
import { modelServers } from "./harness/model-server.ts";
import { textOf } from "./harness/text.ts";

const TURNS = 12;

export const serviceSession: Case = {
  id: "service-session",
  title:
    "two server processes on one database serve one session: turns that come at once to both are taken one after the other, each once, and either gives every result",
  short: true,
  limitMs: { short: 60_000, full: 60_000 },
  async run(world) {
    const { first, second, database } = await modelServers(world);
    const servers = [first, second];
    const told = Array.from({ length: TURNS }, (_, index) => `turn ${index} of the session`);
    const call = (at: number, text: string) =>
      servers[at % 2]!.call("POST /v1/services/good", { body: { session_id: "the-one", messages: [{ role: "user", text }] }, timeoutMs: 60_000 });
    const answers = await Promise.all(told.map((text, index) => call(index, text)));
    const repeats = await Promise.all(told.map((text, index) => call(index + 1, text)));
    const runs = answers.map((answer) => textOf(answer?.body["run_id"]));
    const elsewhere = await Promise.all(runs.map((run, index) => servers[(index + 1) % 2]!.call(`GET /v1/services/good/runs/${run}`)));
    const { rows } = await sql<{ threads: number; runs: number; together: number }>`
      with ours as (select *, (select min(created_at) from acts where run_id = runs.id) as began_at from runs where thread_id in (select thread_id from service_calls where session_id = 'the-one'))
      select count(distinct thread_id)::int as threads, count(*)::int as runs,
        (select count(*)::int from ours a join ours b on a.id < b.id and a.began_at < b.ended_at and b.began_at < a.ended_at) as together from ours`.execute(
      database.db,
    );
    const { rows: said } = await sql<{ n: number; heard: number }>`
      select count(*) filter (where role = 'person')::int as n, count(*) filter (where role = 'agent')::int as heard from thread_messages
      where thread_id in (select thread_id from service_calls where session_id = 'the-one')`.execute(database.db);
    return judged({
      reached: answers.filter((answer) => answer?.status === 200).length,
      wanted: TURNS,
      figure: `${TURNS} turns at once to two servers: ${rows[0]!.runs} runs in ${rows[0]!.threads} thread, ${rows[0]!.together} pairs at the same time`,
      conditions: {
        "each turn is answered, in a run of its own": new Set(runs).size === TURNS && rows[0]!.runs === TURNS && rows[0]!.threads === 1,
        "one at a time": rows[0]!.together === 0,
        "nothing is said twice": said[0]!.n === TURNS && said[0]!.heard === TURNS,
        "a repeat at the other server is the same call": repeats.every((answer, index) => answer?.body["run_id"] === runs[index]),
        "the other server gives the result": elsewhere.every((answer) => answer?.status === 200 && answer.body["state"] === "done"),
      },
    });
  },
};
