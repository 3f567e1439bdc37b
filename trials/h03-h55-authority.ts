import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { may, PERMISSIONS } from "#src/people/permission.ts";
import { digestWorkspace } from "#src/database/backup-files.ts";
import { type Case, judged } from "./harness/case.ts";
import { connected } from "./harness/cluster.ts";
import { contentsOf, type Tenant, touched, withHomes } from "./harness/homes.ts";
import { urlOf } from "./harness/own-postgres.ts";
import { filled, lineOf, routesOf } from "./harness/route-table.ts";
import { openServer, type Server } from "./harness/server.ts";
import { quantile } from "./harness/statistics.ts";
import { textOf } from "./harness/text.ts";
import { inLanes } from "./harness/wait.ts";
import { asJson, bearer, codeOf, sendRaw } from "./harness/wire.ts";

const told = (list: readonly string[]): string => (list.length === 0 ? "" : `: ${list.slice(0, 5).join(" | ")}`);

/** What a machine would change of itself. */
const OWN = {
  instructions: "agents/other.md",
  model: "openai:gpt-5",
  baseUrl: "http://evil.example",
  budget: { monthlyUsd: 1_000_000 },
  tools: ["shell.run"],
  policy: { rules: [] },
  sandbox: "off",
  owner: "robot",
  roles: ["owner"],
};

/** Bodies that would gain power where a route took them. */
const GRABS = (handle: string): readonly object[] => [
  OWN,
  { yes: true },
  { yes: true, note: "mine", revision: 1 },
  { answer: "approve" },
  { answer: "approve", reason: "mine" },
  { byUsd: 1_000_000, reason: "mine" },
  { principal: handle, label: "mine", scopes: ["*"] },
  { principal: "ines", label: "mine", scopes: ["*"] },
  { reason: "mine" },
];

/** What a machine may do by its role: to send a message is no power over itself. */
const MAY_SEND = new Set(["POST /v1/tickets", "POST /v1/threads", "POST /v1/threads/{id}/messages", "POST /v1/policy/explain"]);

const idFor = (home: Tenant, path: string): string => {
  const kind = ["ticket", "ask", "run", "thread", "proposal", "token", "budget", "agent"].find((name) => path.includes(`/${name}`));
  return kind === "memories" ? home.ids.memory : home.ids[(kind ?? "memory") as keyof Tenant["ids"]];
};

/** Whatever stands in the record about who may what, and in the folder. */
const POWER = [
  "revisions",
  "revision_files",
  "principals",
  "identities",
  "tokens",
  "asks",
  "ask_decisions",
  "proposals",
  "budgets",
  "budget_periods",
  "tool_pins",
  "secrets",
];

export const ownPower: Case = {
  id: "H-03",
  title:
    "tokens of an agent, a worker and an agent that is an admin too, with every scope, on every route that changes something: no power gained, the folder as it was, each attempt in the journal",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  run: (world) =>
    withHomes(world, async ({ b }) => {
      const routes = (await routesOf(b.server)).filter(({ method, path }) => method !== "GET" && path !== "/v1/tickets/{id}/cancel"); // whoever may open tickets may close them
      const tokens = await Promise.all(
        ["robot", "hand", "mixed"].map(async (handle) => ({ handle, ...(await b.token(handle, { scopes: [...PERMISSIONS] })) })),
      );
      const before = await contentsOf(b.db);
      const folderBefore = JSON.stringify(await digestWorkspace(b.workspace));
      const wrong: string[] = [];
      const refused = new Set<string>();
      let probes = 0;
      for (const { handle, value } of tokens) {
        // what an admin may do by role is no power over itself; what changes power is refused to whoever is a machine too
        const tried = handle === "mixed" ? routes.filter(({ path }) => /workspace|proposals|asks|budgets/.test(path)) : routes;
        const jobs = tried.flatMap((route) => GRABS(handle).map((body) => ({ route, body })));
        await inLanes(jobs, 4, async ({ route, body }) => {
          const { body: text, headers } = asJson(body);
          const answer = await sendRaw(b.server.url, {
            method: route.method,
            path: filled(route.path, idFor(b, route.path)),
            headers: [...bearer(value), ...headers],
            body: text,
            untilBytes: 2_000,
          });
          probes += 1;
          if (handle === "robot" && answer.status === 403 && codeOf(answer) === "permission_missing") refused.add(lineOf(route));
          const isHarmless = handle === "mixed" ? /plan/.test(route.path) : MAY_SEND.has(lineOf(route));
          if (answer.status < 400 && !isHarmless) wrong.push(`${handle} ${lineOf(route)} ${JSON.stringify(body).slice(0, 60)}: ${answer.status}`);
        });
      }
      const changed = touched(before, await contentsOf(b.db)).filter((name) => POWER.includes(name));
      const isFolderSame = folderBefore === JSON.stringify(await digestWorkspace(b.workspace));
      const { rows } = await sql<{ handle: string; route: string }>`
        select distinct p.body::jsonb ->> 'handle' as handle, p.body::jsonb ->> 'method' || ' ' || (p.body::jsonb ->> 'route') as route
        from events e join payloads p on p.event_id = e.id where e.kind = 'access.refused'`.execute(b.db);
      const inJournal = new Set(rows.filter(({ handle }) => handle === "robot").map(({ route }) => route.replaceAll(/:(\w+)/g, "{$1}")));
      const unsaid = [...refused].filter((line) => !inJournal.has(line));
      const control =
        may({ roles: ["owner"], scopes: ["*"] }, "workspace:apply") && (await b.server.call("POST /v1/workspace/plan", { body: {} }))?.status === 200;
      return judged({
        reached: probes,
        wanted: 500,
        figure: `${probes} attempts on ${routes.length} routes, ${wrong.length} taken, ${changed.length} tables of power touched, the folder ${isFolderSame ? "as it was" : "CHANGED"}; ${refused.size} routes that are refused to an agent, ${unsaid.length} of them not in the journal${told(wrong)}${told(changed)}${told(unsaid)}`,
        conditions: {
          "nothing taken": wrong.length === 0,
          "no power touched": changed.length === 0 && isFolderSame,
          "each attempt is in the journal": unsaid.length === 0 && refused.size >= 20,
          "an owner may": control,
        },
      });
    }),
};

const DEFAULTS = [
  "admin:admin",
  "admin:password",
  "admin:",
  "owner:owner",
  "owner:",
  "loop:loop",
  "loopwright:loopwright",
  "root:root",
  ":",
  "postgres:postgres",
  "admin:changeme",
  "admin:123456",
];
const SIGN_UPS = [
  "/signup",
  "/sign-up",
  "/register",
  "/login",
  "/auth/register",
  "/v1/users",
  "/v1/people",
  "/v1/principals",
  "/v1/register",
  "/v1/setup",
  "/setup",
  "/v1/invitations",
  "/v1/pair",
  "/pair",
  "/v1/pairing",
  "/v1/devices",
  "/v1/tokens/rotate",
  "/v1/password",
];

async function firstSigns(server: Server, home: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const pair of DEFAULTS) {
    const basic = Buffer.from(pair).toString("base64");
    for (const [path, headers] of [
      ["/docs/", ["authorization", `Basic ${basic}`]],
      ["/openapi.json", ["authorization", `Basic ${basic}`]],
      ["/v1/me", ["authorization", `Basic ${basic}`]],
      ["/v1/me", bearer(pair.split(":")[1]!)],
    ] as const) {
      const { status } = await sendRaw(server.url, { path, headers });
      if (status !== 401) wrong.push(`${pair} on ${path}: ${status}`);
    }
  }
  for (const path of SIGN_UPS) {
    const body = asJson({ handle: "eve", name: "Eve", email: "eve@evil.example", password: "x", roles: ["owner"] });
    const [without, withOne] = [
      await sendRaw(server.url, { method: "POST", path, ...body }),
      await sendRaw(server.url, { method: "POST", path, ...body, headers: [...body.headers, ...bearer(server.token)] }),
    ];
    if (without.status !== 401) wrong.push(`sign-up at ${path}: ${without.status}`);
    if (![404, 405].includes(withOne.status)) wrong.push(`${path} with a credential: ${withOne.status}`);
  }
  for (const name of ["credentials.json", "socket", "home.json", join("postgres", "postgres.json")]) {
    const others = (await stat(join(home, name))).mode & 0o077;
    if (others !== 0) wrong.push(`${name} is open to others`);
  }
  return wrong;
}

/** Who gets into the Postgres of a new home. */
async function databaseSigns(home: string): Promise<string[]> {
  const own = new URL(await urlOf(home));
  const wrong: string[] = [];
  for (const user of ["loop", "postgres", "root"]) {
    for (const password of ["", "postgres", "loop", "password", "loopwright"]) {
      const tried = new URL(own);
      [tried.username, tried.password] = [user, password];
      const isIn = await connected(tried.toString(), async (client) => (await client.query("select 1")).rowCount).catch(() => 0);
      if (isIn) wrong.push(`Postgres as ${user}:${password}`);
    }
  }
  if (!(await connected(own.toString(), async (client) => (await client.query("select 1")).rowCount))) wrong.push("its own password does not count");
  if (own.hostname !== "127.0.0.1" || decodeURIComponent(own.password).length < 32)
    wrong.push(`its address is ${own.hostname}, its password has ${own.password.length} characters`);
  return wrong;
}

export const newInstall: Case = {
  id: "H-04",
  title:
    "a new home with a Postgres of its own: no default password, for pages, routes and database; sign-up is not there; one token of its own; loopback only",
  short: true,
  limitMs: { short: 90_000, full: 90_000 },
  async run(world) {
    const home = join(world.folder, "new");
    const server = await openServer(world, { name: "new", home });
    const wrong = await firstSigns(server, home);
    const inDatabase = await databaseSigns(home);
    const tokens = await server.list<{ handle: string; label: string; scopes: readonly string[]; expiresAt: string | null }>("/v1/tokens", "tokens");
    const people = await server.list<{ handle: string; roles: string[]; source: string }>("/v1/people", "people");
    const made = people.filter(({ source }) => source === "server").map(({ handle, roles }) => `${handle} (${roles.join(", ")})`);
    const credentials = await readFile(join(home, "credentials.json"), "utf8");
    const isRandom = /"loop_[A-Za-z0-9_-]{32}"/.test(credentials);
    const ended = await server.child.stop();
    return judged({
      reached: DEFAULTS.length * 4 + SIGN_UPS.length * 2 + 16,
      wanted: 90,
      figure: `${DEFAULTS.length} usual passwords, ${SIGN_UPS.length} places to sign up, 15 ways into Postgres: ${wrong.length + inDatabase.length} open; made by itself: ${made.join(", ")}, ${tokens.length} token; pairing is not there yet${told([...wrong, ...inDatabase])}`,
      conditions: {
        "no default opens": wrong.length === 0 && inDatabase.length === 0,
        "one owner with one token": made.length === 2 && tokens.filter(({ scopes }) => scopes.includes("*")).length === 1 && isRandom,
        "the root agent's token ends, and neither answers for people nor changes power": isNarrow(tokens.filter(({ scopes }) => !scopes.includes("*"))),
        "loopback only": new URL(server.url).hostname === "127.0.0.1",
        "stops cleanly": ended.code === 0,
      },
    });
  },
};

/** The one token that a home makes beside its owner's: for sessions of this account that decide. */
const isNarrow = (tokens: readonly { handle: string; scopes: readonly string[]; expiresAt: string | null }[]): boolean =>
  tokens.length === 1 &&
  tokens.every(
    ({ handle, scopes, expiresAt }) =>
      handle === "agent:root" && expiresAt !== null && scopes.toSorted().join(" ") === "pulse:steer pulse:work read tickets:write",
  );

/** Whose words somebody may bring: `refused`: it is the name of another; `outside`: nobody that is known. */
const SENDERS: readonly (readonly [sender: string, expected: "refused" | "outside" | "invalid"])[] = [
  ["lia@house.example", "refused"],
  ["lia", "refused"],
  ["ines", "refused"],
  [" ines ", "refused"],
  ["Lia@house.example", "outside"],
  ["lia@house.example.", "outside"],
  ["lia@house.example.evil.example", "outside"],
  ["xlia@house.example", "outside"],
  ["house.example", "outside"],
  ["lia@house.examp\u217ce", "outside"],
  ["l\u0456a@house.example", "outside"],
  ["\uff4cia@house.example", "outside"],
  ["lia\u200b@house.example", "outside"],
  ["\u202elia@house.example", "outside"],
  ["lia@house.example\u0301", "outside"],
  ["Lia Prado", "outside"],
  ["lia.desk", "outside"], // her identity of another surface
  ["outbox:lia.desk", "outside"],
  ["INES", "outside"],
  ["in\u00eas", "outside"],
  ["robot2", "outside"],
  ["system", "outside"],
  ["*", "outside"],
  ["%", "outside"],
  ["", "invalid"],
  ["   ", "invalid"],
  ["x".repeat(257), "invalid"],
];

async function trustOf(home: Tenant, ticket: string): Promise<string> {
  const { rows } = await sql<{ trust: string }>`
    select p.body::jsonb ->> 'trust' as trust from events e join payloads p on p.event_id = e.id where e.ticket_id = ${ticket} and p.body::jsonb ->> 'trust' is not null limit 1`.execute(
    home.db,
  );
  return rows[0]?.trust ?? "none";
}

export const senders: Case = {
  id: "H-18",
  title:
    "names of senders that nearly are those of somebody (case, suffix, look-alikes, invisible letters, a display name, an identity of another surface): compared exactly, so outside; those that are exact are refused to whoever is somebody else",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  run: (world) =>
    withHomes(world, async ({ a }) => {
      const robot = await a.token("robot", { scopes: ["tickets:write", "read"] });
      const wrong: string[] = [];
      for (const [sender, expected] of SENDERS) {
        const sent = await sendRaw(a.server.url, {
          method: "POST",
          path: "/v1/tickets",
          body: JSON.stringify({ text: "where is the bus", sender }),
          headers: [...bearer(robot.value), "content-type", "application/json"],
        });
        const id = sent.status === 202 ? textOf((JSON.parse(sent.text) as { id: string }).id) : "";
        const trust = id === "" ? "" : await trustOf(a, id);
        const seen = sent.status === 403 ? "refused" : sent.status === 422 ? "invalid" : sent.status === 202 ? trust : String(sent.status);
        if (seen !== expected) wrong.push(`${JSON.stringify(sender).slice(0, 40)} is ${seen}, not ${expected}`);
      }
      const own = await a.server.call("POST /v1/tickets", { body: { text: "where is the bus" } });
      const known = await a.server.call("POST /v1/tickets", { body: { text: "where is the bus", sender: "lia@house.example" } });
      const missing = await sendRaw(a.server.url, {
        method: "POST",
        path: "/v1/tickets",
        body: '{"text":"where is the bus"}',
        headers: [...bearer(robot.value), "content-type", "application/json"],
      });
      const trusts = [
        await trustOf(a, textOf(own?.body["id"])),
        await trustOf(a, textOf(known?.body["id"])),
        await trustOf(a, textOf((JSON.parse(missing.text) as { id: string }).id)),
      ];
      return judged({
        reached: SENDERS.length + 3,
        wanted: 30,
        figure: `${SENDERS.length} names, ${wrong.length} taken for what they are not; by themselves: an owner ${trusts[0]}, by an owner in the name of a member ${trusts[1]}, a robot without a name ${trusts[2]}${told(wrong)}`,
        conditions: { "compared exactly": wrong.length === 0, "those who are known are known": trusts.join() === "owner,member,member" },
      });
    }),
};

export const bruteForce: Case = {
  id: "H-55",
  title:
    "guessing of tokens and ids: no guess opens anything, all refusals have one shape, and who guesses or asks too often keeps nobody else out; tokens have 192 random bits, ids open nothing",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  run: (world) =>
    withHomes(world, async ({ b }) => {
      const guesses = world.short ? 1_500 : 20_000;
      const vera = await b.token("vera");
      const times: number[] = [];
      const bodies = new Set<string>();
      let opened = 0;
      let locked = 0;
      const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
      const guess = (): string => `loop_${Array.from({ length: 32 }, () => letters[Math.floor(Math.random() * 64)]).join("")}`;
      await inLanes(
        Array.from({ length: guesses }, (_, index) => index),
        8,
        async (index) => {
          const answer = await sendRaw(b.server.url, { path: "/v1/me", headers: bearer(guess()) });
          bodies.add(answer.text);
          if (answer.status !== 401) opened += 1;
          if (index % 50 !== 0) return;
          const own = await sendRaw(b.server.url, { path: "/v1/me", headers: bearer(vera.value) });
          times.push(own.tookMs);
          if (own.status !== 200) locked += 1;
        },
      );
      const flood = { tooMany: 0, without: 0 };
      await inLanes(Array.from({ length: 3_200 }), 8, async () => {
        const answer = await sendRaw(b.server.url, {
          method: "POST",
          path: "/v1/policy/explain",
          body: "{}",
          headers: [...bearer(vera.value), "content-type", "application/json"],
        });
        if (answer.status !== 429) return;
        flood.tooMany += 1;
        if (!(Number(answer.headers["retry-after"]) > 0)) flood.without += 1;
      });
      const others = await sendRaw(b.server.url, {
        method: "POST",
        path: "/v1/policy/explain",
        body: "{}",
        headers: [...bearer(b.server.token), "content-type", "application/json"],
      });
      const elsewhere = await sendRaw(b.server.url, { path: "/v1/me", headers: bearer(vera.value) });
      const shapes = new Set<string>();
      for (const [list, prefix] of [
        ["tickets", "tkt"],
        ["runs", "run"],
        ["asks", "ask"],
        ["threads", "thr"],
        ["proposals", "pro"],
        ["memories", "mem"],
      ] as const) {
        for (const id of [`${prefix}_${"0".repeat(32)}`, `${prefix}_${"f".repeat(32)}`, `${prefix}_x`, "x", "-1"]) {
          const answer = await sendRaw(b.server.url, { path: `/v1/${list}/${id}`, headers: bearer(vera.value) });
          shapes.add(`${answer.status} ${codeOf(answer).replace(/^[a-z]+/, "")} ${Object.keys(JSON.parse(answer.text) as object).join()}`);
        }
      }
      const made = await Promise.all(Array.from({ length: 40 }, () => b.token("vera")));
      const perPlace = Array.from({ length: 32 }, (_, at) => new Set(made.map(({ value }) => value["loop_".length + at])).size);
      const leastVaried = Math.min(...perPlace);
      return judged({
        reached: guesses + 3_200 + 30,
        wanted: 4_000,
        figure: `${guesses} guessed tokens, ${opened} opened something, ${bodies.size} bodies; meanwhile a good one ${times.length} times, ${locked} kept out, p50 ${quantile(times, 0.5).toFixed(1)} ms; of 3200 calls of one token ${flood.tooMany} were too many, another got ${others.status}; ${shapes.size} shape of unknown ids; each place of 40 tokens has ${leastVaried} letters or more`,
        conditions: {
          "no guess opens": opened === 0 && bodies.size === 1,
          "nobody is kept out": locked === 0 && others.status !== 429 && elsewhere.status === 200,
          "too often is refused with a time": flood.tooMany > 100 && flood.without === 0,
          "one shape": shapes.size === 1,
          "tokens are random": leastVaried >= 15 && made.every(({ value }) => /^loop_[\w-]{32}$/.test(value)),
        },
      });
    }),
};
