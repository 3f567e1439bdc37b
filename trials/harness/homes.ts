import { randomUUID } from "node:crypto";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { newId } from "#src/kernel/ids.ts";
import { openServer, type Server } from "./server.ts";
import { textOf } from "./text.ts";
import { until } from "./wait.ts";
import type { World } from "./world.ts";

/** What a route may be asked for by its id. */
export const KINDS = ["ticket", "run", "ask", "thread", "token", "memory", "proposal", "revision", "agent", "budget", "service", "tool"] as const;
export type Kind = (typeof KINDS)[number];

/** One home with its server, its database and its workspace, and something of every kind in it. A tenant of this system is a home. */
export interface Tenant {
  readonly server: Server;
  readonly folder: string;
  readonly workspace: string;
  readonly databaseUrl: string;
  readonly db: Db;
  /** A word that stands in every text of this home and nowhere else. */
  readonly canary: string;
  readonly ids: Readonly<Record<Kind, string>>;
  readonly socketPath: string;
  /** A token of somebody of the team. */
  token(handle: string, more?: { scopes?: readonly string[]; expiresIn?: string }): Promise<{ value: string; id: string }>;
}

export interface Homes {
  readonly a: Tenant;
  readonly b: Tenant;
}

let turn: Promise<unknown> = Promise.resolve();

/** Two homes that know nothing of each other, for several cases: each has them alone for its time, so that what it finds changed was changed by it. */
export async function withHomes<T>(world: World, work: (homes: Homes) => Promise<T>): Promise<T> {
  const opening = world.kept("homes", async (kept) => {
    const [a, b] = await Promise.all([openTenant(kept, "anna"), openTenant(kept, "bela")]);
    return { a, b };
  });
  const done = Promise.all([opening, turn]).then(([homes]) => work(homes));
  turn = done.catch(() => undefined);
  return done;
}

/** Nothing moves in a home: what is changed from now on, somebody changes. */
async function atRest(db: Db): Promise<void> {
  let before = await contentsOf(db);
  await until(
    async () => {
      const now = await contentsOf(db);
      const moved = touched(before, now);
      before = now;
      return moved.length === 0;
    },
    { limitMs: 20_000, everyMs: 700 },
  );
}

const TEAM = `apiVersion: loopwright.dev/v1
kind: Team
name: machines
members:
  - { id: robot, name: Robot, roles: [agent] }
  - { id: hand, name: Hand, roles: [worker] }
  - { id: vera, name: Vera, roles: [viewer] }
  - { id: otto, name: Otto, roles: [operator] }
  - { id: mixed, name: Mixed, roles: [admin, agent] }
  - id: lia
    name: Lia Prado
    roles: [operator]
    identities:
      - { surface: http, id: lia@house.example }
      - { surface: outbox, id: lia.desk }
`;

/** An agent, a budget and a policy that carry the name of the home, so that the other has none of that name. */
const ownFiles = (name: string): Readonly<Record<string, string>> => ({
  "teams/machines.yaml": TEAM,
  [`agents/${name}.yaml`]: `apiVersion: loopwright.dev/v1\nkind: Agent\nname: ${name}\nrunner: model\nprocedure: chat\n`,
  [`budgets/${name}.yaml`]: `apiVersion: loopwright.dev/v1\nkind: Budget\nname: ${name}\nscope: { agent: ${name} }\nperiod: month\ncapUsd: 1\n`,
});

async function openTenant(world: World, name: string): Promise<Tenant> {
  const workspace = join(world.folder, `workspace-${name}`);
  await cp(join(import.meta.dirname, "..", "..", "workspaces", "warm-stays"), workspace, { recursive: true });
  for (const [path, text] of Object.entries(ownFiles(name))) {
    await mkdir(join(workspace, path, ".."), { recursive: true });
    await writeFile(join(workspace, path), text);
  }
  const database = await world.database();
  for (const setting of ["log_statement = 'all'", "log_error_verbosity = 'default'"])
    await sql.raw(`alter database ${database.name} set ${setting}`).execute(database.db); // for H-05: the texts of statements, apart from their parameters
  const folder = join(world.folder, name);
  const server = await openServer(world, { name, home: folder, databaseUrl: database.url, env: { LOOP_WORKSPACE: workspace } });
  const canary = `canary${randomUUID().replaceAll("-", "")}`;
  const ids = await fill({ server, db: database.db, name, canary });
  return {
    server,
    folder,
    workspace,
    databaseUrl: database.url,
    db: database.db,
    canary,
    ids,
    socketPath: join(folder, "socket", "loop.sock"),
    async token(handle, { scopes = ["*"], expiresIn } = {}) {
      const made = await server.call("POST /v1/tokens", {
        body: { principal: handle, label: "trial", scopes, ...(expiresIn === undefined ? {} : { expiresIn }) },
      });
      if (made?.status !== 201) throw new Error(`no token for ${handle}: ${made?.status} ${JSON.stringify(made?.body)}`);
      return { value: textOf(made.body["value"]), id: (made.body["token"] as { id: string }).id };
    },
  };
}

/** The text of the sample in which water reaches a socket: it is held for a person. */
const HELD = "The air conditioner in the living room is leaking onto the outlet by the window and there is a burning smell.";

async function fill({ server, db, name, canary }: { server: Server; db: Db; name: string; canary: string }): Promise<Record<Kind, string>> {
  const sent = await server.call("POST /v1/tickets", {
    body: { text: `${HELD} ${canary}`, sender: `${canary}@guest.example`, externalId: "the-same", labels: { property: "warm_lisboa_alfama" } },
    key: "the-same-key",
  });
  const ticket = textOf(sent?.body["id"]);
  let ask: string | undefined;
  await until(async () => (ask = (await server.list<{ id: string }>(`/v1/asks?ticket=${ticket}`, "asks"))[0]?.id) !== undefined, { limitMs: 30_000 });
  const thread = await server.call("POST /v1/threads", { body: { agent: name, externalId: canary } });
  const [token] = await server.list<{ id: string }>("/v1/tokens", "tokens");
  const nowMs = Date.now();
  const memory = newId("mem", nowMs);
  const proposal = newId("pro", nowMs);
  const run = textOf(sent?.body["runId"]);
  const told = { kind: "fact", about: canary, scope: { kind: "workspace", of: "" }, agent: name, person: null, source: { run, ticket, act: "act_0" } };
  const data = JSON.stringify({ ...told, taint: [], sawPrivate: false, ask: null, against: [], said: canary });
  await sql`insert into brain_items (id, layer, source, title, body, phrases, data, labels, categories, scope, trust, digest, words, happened_at, expires_at)
    values (${memory}, 'memory', ${run}, ${canary}, ${canary}, '{}', ${data}::jsonb, '{}', '{}', 'memory:workspace:', 'member', ${canary},
            to_tsvector('simple', ${canary}), loop_now(), loop_now() + interval '1 day')`.execute(db);
  await sql`insert into proposals (id, kind, state, title, reason, fingerprint, files, sources, author)
    values (${proposal}, 'rule', 'open', ${canary}, ${canary}, ${canary}, '[]', '{"tickets": []}', 'system')`.execute(db);
  if (ask === undefined || ticket === "") throw new Error(`${name} could not be filled: ticket ${sent?.status} ${JSON.stringify(sent?.body)}`);
  await atRest(db);
  return {
    ticket,
    run,
    ask,
    thread: textOf(thread?.body["id"]),
    token: token!.id,
    memory,
    proposal,
    revision: "1",
    agent: name,
    budget: name,
    service: name,
    tool: `${name}.read`,
  };
}

/** Digests of everything that a home holds, table by table, without what passes: the same before and after means that nothing was touched. */
export async function contentsOf(db: Db): Promise<Readonly<Record<string, string>>> {
  const { rows: tables } = await sql<{ name: string }>`
    select quote_ident(table_name) as name from information_schema.tables
     where table_schema = 'public' and table_type = 'BASE TABLE' and table_name not like 'live\\_%' order by table_name`.execute(db);
  const union = tables.map(
    ({ name }) => `select '${name}' as name, count(*)::text || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as digest from ${name} t`,
  );
  const { rows } = await sql.raw<{ name: string; digest: string }>(union.join(" union all ")).execute(db);
  return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]));
}

/** The tables in which two looks differ. */
export const touched = (before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): string[] =>
  Object.keys(after).filter((name) => before[name] !== after[name]);
