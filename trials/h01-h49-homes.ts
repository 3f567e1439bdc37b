import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { backup } from "#src/database/backup.ts";
import { openHome } from "#src/database/home.ts";
import { restore } from "#src/database/restore.ts";
import { verifyJournal } from "#src/journal/verify.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { newId } from "#src/kernel/ids.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { type Case, judged } from "./harness/case.ts";
import { contentsOf, type Homes, type Kind, type Tenant, touched, withHomes } from "./harness/homes.ts";
import { bodyFor, filled, lineOf, type Route, routesOf } from "./harness/route-table.ts";
import { startServer } from "./harness/server.ts";
import { quantile } from "./harness/statistics.ts";
import { textOf } from "./harness/text.ts";
import { until } from "./harness/wait.ts";
import type { World } from "./harness/world.ts";
import { type Answered, asJson, bearer, codeOf, sendRaw } from "./harness/wire.ts";

/** What the parameter of each path names. A path that is not here has no case, and the trial does not hold. `null`: the same in every home, or no parameter. */
const PARAMETERS: Readonly<Record<string, Kind | null>> = {
  "/v1/tickets/{id}": "ticket",
  "/v1/tickets/{id}/brain": "ticket",
  "/v1/tickets/{id}/events": "ticket",
  "/v1/tickets/{id}/receipt": "ticket",
  "/v1/tickets/{id}/resolve": "ticket",
  "/v1/tickets/{id}/acknowledge": "ticket",
  "/v1/tickets/{id}/cancel": "ticket",
  "/v1/tickets/{id}/propose-rule": "ticket",
  "/v1/asks/{id}": "ask",
  "/v1/asks/{id}/answer": "ask",
  "/v1/asks/{id}/edit": "ask",
  "/v1/asks/{id}/override": "ask",
  "/v1/asks/{id}/precedent": "ask",
  "/v1/runs/{id}": "run",
  "/v1/runs/{id}/cancel": "run",
  "/v1/runs/{id}/pause": "run",
  "/v1/runs/{id}/resume": "run",
  "/v1/runs/{id}/retry": "run",
  "/v1/runs/{id}/live": "run",
  "/v1/threads/{id}": "thread",
  "/v1/threads/{id}/messages": "thread",
  "/v1/budgets/{name}/raise": "budget",
  "/v1/memories/{id}": "memory",
  "/v1/proposals/{id}": "proposal",
  "/v1/proposals/{id}/accept": "proposal",
  "/v1/proposals/{id}/reject": "proposal",
  "/v1/proposals/{id}/pull-request": "proposal",
  "/v1/revisions/{id}": null, // numbers begin at 1 in every home
  "/v1/agents/{id}": "agent",
  "/v1/tools/{name}/call": "tool",
  "/v1/tools/{name}/definition": "tool",
  "/v1/tools/{name}/approve": "tool",
  "/v1/tools/{name}/login": "tool",
  "/v1/schemas/{id}": null, // of the program
  "/v1/tokens/{id}": "token",
  "/v1/services/{name}": "service",
  "/v1/services/{name}/runs/{id}": "run",
};

/** What each parameter of a query names; `null`: nothing of a home. */
const QUERIES: Readonly<Record<string, Kind | "position" | null>> = {
  ticket: "ticket",
  run: "run",
  agent: "agent",
  after: "position",
  before: "position",
  ask: "ask",
  cursor: null, // see H-49
  ...Object.fromEntries(
    [
      "status",
      "label",
      "limit",
      "state",
      "by",
      "from",
      "to",
      "category",
      "q",
      "layer",
      "scope",
      "about",
      "kind",
      "wait",
      "since",
      "onlyAsks",
      "actionable",
      "timeoutSeconds",
      "timeoutMs",
      "back",
      "throughAsk",
      "path",
      "all",
      "bytes",
      "id",
    ].map((name) => [name, null]),
  ),
};

/** What each member of a body names; `null`: nothing of a home. */
const MEMBERS: Readonly<Record<string, Kind | "principal" | null>> = {
  principal: "principal",
  agent: "agent",
  ask: "ask",
  ...Object.fromEntries(
    [
      "id",
      "body",
      "journal",
      "script",
      "command",
      "message",
      "in",
      "every",
      "cron",
      "rrule",
      "timeZone",
      "missed",
      "session",
      "worker",
      "prompt",
      "reference",
      "options",
      "key",
      "force",
      "verify",
      "usd",
      "runner",
      "back",
      "resume",
      "heard",
      "text",
      "sender",
      "externalId",
      "language",
      "labels",
      "task",
      "reason",
      "answer",
      "args",
      "files",
      "byUsd",
      "byTokens",
      "subject",
      "kind",
      "name",
      "effect",
      "risk",
      "severity",
      "costUsd",
      "taint",
      "path",
      "for",
      "whatever",
      "base",
      "title",
      "change",
      "category",
      "severityAtLeast",
      "then",
      "approvers",
      "escalateTo",
      "escalateAfterMinutes",
      "from",
      "to",
      "note",
      "yes",
      "digest",
      "revision",
      "address",
      "label",
      "scopes",
      "expiresIn",
    ].map((name) => [name, null]),
  ),
};

/** Routes, parameters and members that nobody has thought of here. */
function withoutCase(routes: readonly Route[]): string[] {
  return routes.flatMap((route) => [
    ...(route.path.includes("{") && !(route.path in PARAMETERS) ? [lineOf(route)] : []),
    ...route.query.filter((name) => !(name in QUERIES)).map((name) => `${lineOf(route)} ?${name}`),
    ...route.body.filter((name) => !(name in MEMBERS)).map((name) => `${lineOf(route)} {${name}}`),
  ]);
}

/** What is of a home and must not be in an answer of another one. */
const marksOf = (home: Tenant): string[] => [home.canary, home.server.token, ...Object.values(home.ids).filter((id) => id.length > 20)];

/** The marks of a home in an answer, but for those that the request itself said. */
function leaksOf(home: Tenant, answer: Pick<Answered, "text" | "headers">, said = ""): string[] {
  const seen = answer.text + JSON.stringify(answer.headers);
  return marksOf(home).filter((mark) => seen.includes(mark) && !said.includes(mark));
}

interface Tally {
  probes: number;
  readonly wrong: string[];
}

/** Every parameter of every route of B, as B's owner, with what is of A. */
async function knock({ a, b }: Homes, routes: readonly Route[], tally: Tally): Promise<void> {
  for (const route of routes) {
    const kind = PARAMETERS[route.path];
    if (kind !== null && kind !== undefined) {
      const body = bodyFor(route);
      const path = filled(route.path, a.ids[kind]);
      const { body: text, headers = [] } = body === undefined ? {} : asJson(body);
      const answer = await sendRaw(b.server.url, {
        method: route.method,
        path,
        headers: [...bearer(b.server.token), ...headers],
        ...(text === undefined ? {} : { body: text }),
        untilBytes: 400,
      });
      tally.probes += 1;
      const isUnknown = answer.status === 422 && codeOf(answer).endsWith("_unknown");
      if (answer.status !== 404 && answer.status !== 403 && !isUnknown)
        tally.wrong.push(`${lineOf(route)} with an id of the other: ${answer.status} ${answer.text.slice(0, 300)}`);
      if (leaksOf(a, answer, path).length > 0) tally.wrong.push(`${lineOf(route)} shows ${leaksOf(a, answer, path).join(", ")}`);
    }
    for (const name of route.query) await ask({ a, b }, { route, name, tally });
  }
}

async function ask({ a, b }: Homes, { route, name, tally }: { route: Route; name: string; tally: Tally }): Promise<void> {
  const kind = QUERIES[name];
  if (kind === null || kind === undefined || route.method !== "GET" || route.path.includes("{")) return;
  const path = `${route.path}?${name}=${kind === "position" ? "999999" : a.ids[kind]}`;
  const answer = await sendRaw(b.server.url, { path, headers: bearer(b.server.token), untilBytes: 4_000 });
  tally.probes += 1;
  const empty = answer.status === 200 && leaksOf(a, answer, path).length === 0; // a filter that nothing passes
  if (!empty && ![403, 404, 422].includes(answer.status)) tally.wrong.push(`GET ${path}: ${answer.status}`);
}

/** Every route of each home with the credential of the other. */
async function foreignCredentials({ a, b }: Homes, routes: readonly Route[], tally: Tally): Promise<void> {
  const bodies = new Set<string>();
  for (const [here, other] of [
    [a, b],
    [b, a],
  ] as const) {
    for (const route of routes.filter(({ path }) => path !== "/v1/health")) {
      const path = filled(route.path, here.ids[PARAMETERS[route.path] ?? "ticket"]);
      const { body, headers } = asJson(bodyFor(route) ?? {});
      const answer = await sendRaw(here.server.url, {
        method: route.method,
        path,
        headers: [...bearer(other.server.token), ...headers],
        ...(route.method === "POST" ? { body } : {}),
        untilBytes: 4_000,
      });
      tally.probes += 1;
      if (answer.status !== 401) tally.wrong.push(`${lineOf(route)} with a token of the other home: ${answer.status}`);
      bodies.add(answer.text.replace(/,"error":\{.*\}\}$/, "}"));
    }
  }
  if (bodies.size > 1) tally.wrong.push(`${bodies.size} bodies of 401`);
}

/** The difference of the medians between an id that another home has and one that nobody has. */
async function timeDifference({ a, b }: Homes, rounds: number): Promise<number> {
  const times = { theirs: [] as number[], nobodys: [] as number[] };
  const nobody = newId("tkt", Date.now() - 60_000);
  for (let round = 0; round < rounds; round += 1) {
    for (const [which, id] of [["theirs", a.ids.ticket] as const, ["nobodys", nobody] as const])
      times[which].push((await sendRaw(b.server.url, { path: `/v1/tickets/${id}`, headers: bearer(b.server.token) })).tookMs);
  }
  return Math.abs(quantile(times.theirs, 0.5) - quantile(times.nobodys, 0.5));
}

export const foreignIds: Case = {
  id: "H-01",
  title:
    "every parameter of every route of one home with what is of another, and every route with the other's token: 404, 403 or 401, nothing touched, nothing shown, as soon as for an id of nobody",
  short: true,
  limitMs: { short: 90_000, full: 90_000 },
  run: (world) =>
    withHomes(world, async (homes) => {
      const { a, b } = homes;
      const routes = await routesOf(b.server);
      const missing = withoutCase(routes);
      const tally: Tally = { probes: 0, wrong: [] };
      const before = [await contentsOf(a.db), await contentsOf(b.db)] as const;
      await knock(homes, routes, tally);
      await foreignCredentials(homes, routes, tally);
      const changed = [...touched(before[0], await contentsOf(a.db)), ...touched(before[1], await contentsOf(b.db))];
      const differenceMs = await timeDifference(homes, world.short ? 60 : 300);
      const own = await sendRaw(a.server.url, { path: `/v1/tickets/${a.ids.ticket}`, headers: bearer(a.server.token) });
      const control = own.status === 200 && leaksOf(a, own).length > 1 && withoutCase([{ ...routes[0]!, path: "/v1/new/{id}" }]).length === 1;
      return judged({
        reached: tally.probes,
        wanted: 180,
        figure: `${tally.probes} probes over ${routes.length} routes, ${tally.wrong.length} wrong, ${changed.length} tables touched, medians ${differenceMs.toFixed(1)} ms apart${told(tally.wrong)}${told(missing)}${told(changed)}`,
        conditions: {
          "every route has a case": missing.length === 0,
          "refused, and nothing shown": tally.wrong.length === 0,
          "nothing touched": changed.length === 0,
          "within 5 ms of an id of nobody": { isKept: differenceMs <= 5, isFarOff: differenceMs > 50 },
          "the look finds what is in an own answer": control,
        },
      });
    }),
};

const told = (list: readonly string[]): string => (list.length === 0 ? "" : `: ${list.slice(0, 4).join(" | ")}`);

/** Ways from one home into another that are no ids; each gives what went wrong, or nothing. */
const WAYS: Readonly<Record<string, (homes: Homes) => Promise<string | undefined>>> = {
  async "an idempotency key that the other used"({ a, b }) {
    const request = { body: { text: `again ${b.canary}`, sender: "guest@guest.example" }, key: "the-same-key-of-both" };
    const [there, here] = [await a.server.call("POST /v1/tickets", request), await b.server.call("POST /v1/tickets", request)];
    return here?.status === 202 && here.body["id"] !== there?.body["id"] && here.body["duplicate"] === false
      ? undefined
      : `${here?.status} ${JSON.stringify(here?.body)}`;
  },
  async "an external id that the other knows"({ a, b }) {
    const request = { body: { text: "seen before", sender: "guest@guest.example", externalId: "of-both" } };
    const [there, here] = [await a.server.call("POST /v1/tickets", request), await b.server.call("POST /v1/tickets", request)];
    return here?.body["duplicate"] === false && here.body["id"] !== there?.body["id"] ? undefined : JSON.stringify(here?.body);
  },
  async "a cursor of the other's list"({ a, b }) {
    const page = await a.server.call("GET /v1/tickets?limit=1");
    const cursor = String(page?.body["nextCursor"]);
    const here = await sendRaw(b.server.url, { path: `/v1/tickets?cursor=${cursor}`, headers: bearer(b.server.token) });
    return cursor.length > 20 && here.status === 200 && leaksOf(a, here, cursor).length === 0 ? undefined : `${here.status}, cursor ${cursor}`;
  },
  async "all lists of the one, for marks of the other"({ a, b }) {
    const routes = (await routesOf(b.server)).filter(({ method, path, isStream }) => method === "GET" && !path.includes("{") && !isStream);
    for (const { path } of routes) {
      const here = await sendRaw(b.server.url, { path: path === "/v1/brain" ? `${path}?q=${a.canary}` : path, headers: bearer(b.server.token) });
      if (leaksOf(a, here, path === "/v1/brain" ? a.canary : "").length > 0) return path;
    }
    return undefined;
  },
  async "the feed, from its beginning and from a place of the other's"({ a, b }) {
    const whole = await sendRaw(b.server.url, { path: "/v1/feed?after=0", headers: bearer(b.server.token), untilBytes: 4_000, limitMs: 3_000 });
    const beyond = await sendRaw(b.server.url, {
      path: "/v1/feed",
      headers: [...bearer(b.server.token), "last-event-id", "999999"],
      untilBytes: 1,
      limitMs: 3_000,
    });
    return whole.text.includes("data: ") && leaksOf(a, whole).length === 0 && beyond.status === 422
      ? undefined
      : `${whole.status} ${whole.text.length}, ${beyond.status}`;
  },
  async "the socket of one with the token of the other"({ a, b }) {
    const path = "/v1/me";
    const own = await sendRaw(b.server.url, { path, socketPath: b.socketPath, headers: bearer(b.server.token) });
    const foreign = await sendRaw(b.server.url, { path, socketPath: b.socketPath, headers: bearer(a.server.token) });
    return own.status === 200 && foreign.status === 401 ? undefined : `${own.status}, ${foreign.status}`;
  },
  async "files of a home, by other accounts of the machine"({ b }) {
    const modes = await Promise.all(
      ["socket", "credentials.json", "keys", "logs", "outbox", "home.json"].map(
        async (name) => [name, (await stat(join(b.folder, name))).mode & 0o077] as const,
      ),
    );
    const open = modes.filter(([, others]) => others !== 0);
    return open.length === 0 ? undefined : open.map(([name]) => name).join(", ");
  },
};

export const otherHomes: Case = {
  id: "H-49",
  title:
    "two homes: a key, an external id, a cursor, a list, the feed, the socket and a backup of one give nothing in the other; a home of another workspace is kept off a database that is taken",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  run: (world) =>
    withHomes(world, async (homes) => {
      const wrong: string[] = [];
      for (const [name, way] of Object.entries(WAYS)) {
        const fault = await way(homes);
        if (fault !== undefined) wrong.push(`${name}: ${fault.slice(0, 160)}`);
      }
      const { saved, into, guessed, changed } = await otherBackup(world, homes);
      const stranger = await strangerOn(world, homes);
      return judged({
        reached: Object.keys(WAYS).length + 3,
        wanted: 10,
        figure: `${Object.keys(WAYS).length} ways, ${wrong.length} open; a backup of ${saved.length} bytes: restored into the other ${into}, with another passphrase ${guessed}, ${changed.length} tables touched; on the other's database: ${stranger}${told(wrong)}${told(changed)}`,
        conditions: {
          "no way leads over": wrong.length === 0,
          "the backup has no token in it": saved.length > 10_000 && saved.includes(homes.a.canary) && !saved.includes(homes.a.server.token),
          "it is not restored into another home": into === "restore_target_taken" && guessed === "backup_locked" && changed.length === 0,
          "a database that is taken by another workspace is refused": stranger === "settings_invalid",
        },
      });
    }),
};

/** A backup of the one with its keys, and what becomes of it in the other's home, and under another passphrase. */
async function otherBackup(world: World, { a, b }: Homes): Promise<{ saved: Buffer; into: string; guessed: string; changed: string[] }> {
  const out = join(world.folder, "a.backup");
  const of = async ({ folder, workspace, databaseUrl }: Pick<Tenant, "folder" | "workspace" | "databaseUrl">) => {
    const home = await openHome(folder);
    return { url: databaseUrl, home, workspaceFolder: workspace, secretsKeyFile: join(home.keys, "secrets.key"), log: silentLog };
  };
  await backup({ ...(await of(a)), out, version: "trial", clock: systemClock, passphrase: "a passphrase of the trial" });
  const before = await contentsOf(b.db);
  const outcome = async (place: Parameters<typeof of>[0], passphrase: string): Promise<string> =>
    restore({ ...(await of(place)), file: out, keys: { passphrase }, verifyJournal: (db) => verifyJournal(db) }).then(
      () => "restored",
      (error: unknown) => (error instanceof LoopError ? error.code : String(error)),
    );
  const into = await outcome({ ...b, workspace: join(world.folder, "workspace-of-b") }, "a passphrase of the trial");
  const empty = await world.database({ empty: true });
  const fresh = { folder: join(world.folder, "fresh"), workspace: join(world.folder, "fresh-workspace"), databaseUrl: empty.url };
  const guessed = await outcome(fresh, "another passphrase");
  return { saved: gunzipSync(await readFile(out)), into, guessed, changed: touched(before, await contentsOf(b.db)) };
}

/** A new home with another workspace on a database that has one: what the start says. */
async function strangerOn(world: World, { a }: Homes): Promise<string> {
  const workspace = join(import.meta.dirname, "..", "workspaces", "bakery");
  const child = await startServer(world, {
    name: "stranger",
    home: join(world.folder, "stranger"),
    databaseUrl: a.databaseUrl,
    env: { LOOP_WORKSPACE: workspace },
  });
  await until(() => child.said.length > 0, { limitMs: 30_000 });
  return textOf(child.said[0]?.["code"] ?? child.said[0]?.say);
}
