import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { type Db, inTransaction } from "#src/database/open.ts";
import { type Case, judged } from "./harness/case.ts";
import { contentsOf, type Tenant, touched, withHomes } from "./harness/homes.ts";
import { bodyFor, filled, lineOf, type Route, routesOf } from "./harness/route-table.ts";
import { inLanes, until } from "./harness/wait.ts";
import { asJson, bearer, sendRaw } from "./harness/wire.ts";

const [A, B] = [1_234_577, 7_654_337];
const SUM = `${A}*${B}`;
/** Stands nowhere unless somebody has worked it out. */
const RESULT = String(A * B);

/** Texts that a template, a shell or an evaluator of some language would make something of. */
const textsFor = (sprung: string): readonly string[] => [
  `{{${SUM}}} \${${SUM}} #{${SUM}} <%= ${SUM} %> {{=${SUM}}} [[\${${SUM}}]] *{${SUM}} @(${SUM}) {%print(${SUM})%} \${{${SUM}}} %{${SUM}} ~{${SUM}}`,
  `{{constructor.constructor('return ${SUM}')()}} {{this.constructor.constructor("require('fs').writeFileSync('${sprung}/js','')")()}} \${process.env.PATH} {{process.env.PATH}}`,
  `$(touch ${sprung}/dollar) \`touch ${sprung}/tick\` ; touch ${sprung}/semicolon # $((${SUM})) \${PATH} %PATH%`,
  `!!js/function 'function(){return ${SUM}}' !!python/object/apply:os.system ["touch ${sprung}/yaml"] \${jndi:ldap://127.0.0.1/x} \${{ env.PATH }} =${SUM} @SUM(${SUM})`,
  `__proto__ constructor.prototype {{__proto__.polluted}} {{#with "s" as |string|}}{{string.sub.constructor}}{{/with}} {{${SUM}}}`,
];

interface Sent {
  readonly line: string;
  readonly status: number;
  readonly text: string;
}

/** Every member of every body that is a text, and every name of a query, one at a time. */
async function sendEverywhere(home: Tenant, texts: readonly string[]): Promise<Sent[]> {
  const auth = bearer(home.server.token);
  const requests = (await routesOf(home.server))
    .filter(({ path }) => path !== "/v1/tokens/{id}/revoke")
    .flatMap((route) => texts.flatMap((text) => requestsOf(route, home, text)));
  const sent: Sent[] = [];
  await inLanes(requests, 4, async ({ line, method, path, body }) => {
    const { headers, body: bytes } = body === undefined ? { headers: [], body: undefined } : asJson(body);
    const answer = await sendRaw(home.server.url, {
      method,
      path,
      headers: [...auth, ...(headers ?? []), "user-agent", texts[0]!, "idempotency-key", `h11-${sent.length}-${Math.random()}`],
      ...(bytes === undefined ? {} : { body: bytes }),
      untilBytes: 200_000,
    });
    sent.push({ line, status: answer.status, text: answer.text });
  });
  return sent;
}

function requestsOf(route: Route, { ids }: Tenant, text: string) {
  const { method } = route;
  const path = filled(route.path, ids.ticket);
  const line = lineOf(route);
  const base = line === "POST /v1/tickets" ? { text: "the kettle is cold", sender: "h11@guest.example" } : (bodyFor(route) as object | undefined);
  const bodies = method === "POST" ? route.texts.map((member) => ({ line: `${line} ${member}`, method, path, body: { ...base, [member]: text } })) : [];
  const queries = route.isStream
    ? []
    : route.query.map((name) => ({
        line: `${line}?${name}`,
        method,
        path: `${path}?${name}=${encodeURIComponent(text)}`,
        body: method === "POST" ? (base ?? {}) : undefined,
      }));
  return [...bodies, ...queries];
}

/** The tables in which a text stands. */
async function tablesWith(db: Db, text: string): Promise<string[]> {
  const { rows: tables } = await sql<{ name: string }>`
    select quote_ident(table_name) as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`.execute(db);
  const found: string[] = [];
  for (const { name } of tables) {
    const { rows } = await sql`select from ${sql.raw(name)} t where strpos(t::text, ${text}) > 0 limit 1`.execute(db);
    if (rows.length > 0) found.push(name);
  }
  return found;
}

class Undone extends Error {}

/** Whether the result would be found in the record if it stood there. */
async function wouldBeSeen(db: Db): Promise<boolean> {
  let isSeen = false;
  await inTransaction(db, async (tx) => {
    await sql`update tickets set title = ${`it is ${RESULT}`}`.execute(tx);
    isSeen = (await tablesWith(tx as unknown as Db, RESULT)).includes("tickets");
    throw new Undone();
  }).catch((error: unknown) => {
    if (!(error instanceof Undone)) throw error;
  });
  return isSeen;
}

export const textIsText: Case = {
  id: "H-11",
  title:
    "templates, formulas, shell words and code in every text member and query of every route: nothing works them out, no environment and no prototype is reached",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  async run(world) {
    const sprung = join(world.folder, "sprung");
    await mkdir(sprung);
    const PATH = process.env["PATH"] ?? "";
    return withHomes(world, async ({ a }) => {
      const texts = world.short ? textsFor(sprung).slice(0, 3) : textsFor(sprung);
      const sent = await sendEverywhere(a, texts);
      let before = await contentsOf(a.db);
      await until(
        async () => {
          const now = await contentsOf(a.db);
          const moved = touched(before, now);
          before = now;
          return moved.length === 0;
        },
        { limitMs: 20_000, everyMs: 500 },
      );
      const kept = await tablesWith(a.db, `{{${SUM}}}`);
      const log = await readFile(join(a.folder, "logs", "server.log"), "utf8").catch(() => "");
      const told = sent.filter(({ text }) => text.includes(RESULT) || text.includes(PATH)).map(({ line }) => line);
      const broken = sent.filter(({ status }) => status >= 500 || status === 0).map(({ line, status }) => `${line}: ${status}`);
      const worked = [...(await tablesWith(a.db, RESULT)), ...(await tablesWith(a.db, PATH)), ...(log.includes(RESULT) ? ["log"] : [])];
      return judged({
        reached: sent.length,
        wanted: 100,
        figure: `${sent.length} requests with ${texts.length} texts, kept as they are in ${kept.join(", ")}${[...told, ...worked, ...broken]
          .slice(0, 5)
          .map((one) => `; ${one}`)
          .join("")}`,
        conditions: {
          "no answer has a result": told.length === 0,
          "nothing in the record or the log has": worked.length === 0,
          "nothing is run": (await readdir(sprung)).length === 0,
          "nothing breaks": broken.length === 0,
          "the texts are kept as texts": kept.includes("tickets"),
          "a result would be seen": await wouldBeSeen(a.db),
        },
      });
    });
  },
};
