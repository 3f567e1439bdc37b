import { readFile } from "node:fs/promises";
import { sql } from "kysely";
import { setTimeout as sleep } from "node:timers/promises";
import { type Case, judged } from "./harness/case.ts";
import { connected } from "./harness/cluster.ts";
import { contentsOf, type Homes, type Tenant, touched, withHomes } from "./harness/homes.ts";
import { bodyFor, filled, lineOf, type Route, routesOf } from "./harness/route-table.ts";
import { inLanes } from "./harness/wait.ts";
import { type Answered, asJson, bearer, codeOf, type Sending, sendRaw } from "./harness/wire.ts";

const LANES = 4;

interface Probe extends Sending {
  readonly name: string;
}

interface Seen {
  readonly probes: number;
  readonly wrong: readonly string[];
}

/** Sends them all, and gives those whose answer is not as it must be. */
async function attempt(home: Tenant, probes: readonly Probe[], isRight: (answer: Answered, probe: Probe) => boolean): Promise<Seen> {
  const wrong: string[] = [];
  await inLanes(probes, LANES, async (probe) => {
    const answer = await sendRaw(home.server.url, { untilBytes: 4_000, ...probe });
    if (!isRight(answer, probe)) wrong.push(`${probe.name}: ${answer.status} ${codeOf(answer)}`);
  });
  return { probes: probes.length, wrong };
}

const told = (list: readonly string[]): string => (list.length === 0 ? "" : `: ${list.slice(0, 5).join(" | ")}`);

/** The request that a route is meant for, without a credential. */
function plain(route: Route, home: Tenant): Probe {
  const body = bodyFor(route);
  return {
    name: lineOf(route),
    method: route.method,
    path: filled(route.path, home.ids.ticket),
    ...(route.isStream ? { untilBytes: 1 } : {}),
    ...(body === undefined ? {} : asJson(body)),
  };
}

const isPublic = ({ method, path }: Pick<Route, "method" | "path">): boolean => path === "/v1/health" && (method === "GET" || method === "HEAD");

/** Ways to write a path that some reader between might take for another one. */
const PATH_TRICKS: readonly ((path: string) => string)[] = [
  (path) => `/${path}`,
  (path) => `${path}/`,
  (path) => path.toUpperCase(),
  (path) => path.replace("/v1/", "/v1//"),
  (path) => path.replace("/v1/", "/v1%2f"),
  (path) => `/v1/health/..${path}`,
  (path) => `/v1/health/..;${path}`,
  (path) => `/v1/health%2f..${path.replaceAll("/", "%2f")}`,
  (path) => `${path}%00`,
  (path) => `${path}.json`,
  (path) => `${path};/v1/health`,
  (path) => `${path}?/v1/health`,
  (path) => path.replace("/v1/", "/%76%31/"),
  (path) => `http://localhost${path}`,
  (path) => `/\\${path}`,
];

const HEADER_TRICKS: readonly (readonly string[])[] = [
  ["x-original-url", "/v1/health", "x-rewrite-url", "/v1/health"],
  ["x-forwarded-for", "127.0.0.1", "x-real-ip", "127.0.0.1", "forwarded", "for=127.0.0.1;host=localhost"],
  ["x-forwarded-host", "localhost", "x-forwarded-proto", "https", "x-forwarded-prefix", "/v1/health"],
  ["x-forwarded-user", "owner", "remote-user", "owner", "x-authenticated-user", "owner"],
  ["x-http-method-override", "GET", "x-method-override", "GET"],
  ["connection", "authorization", "te", "trailers"],
];

const OTHER_METHODS = ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];

export const withoutCredential: Case = {
  id: "H-06",
  title:
    "every route without a credential, with tricks of path, method and forwarding headers: only health answers, everything else is 401 (or 400, where it is no request)",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  run: (world) =>
    withHomes(world, async ({ b }) => {
      const routes = await routesOf(b.server);
      const bare = routes.map((route) => plain(route, b));
      const pages = [
        "/docs",
        "/docs/",
        "/docs/json",
        "/docs/yaml",
        "/docs/static/swagger-ui.css",
        "/openapi.json",
        "/",
        "/.env",
        "/favicon.ico",
        "/metrics",
        "/v1",
      ].map((path) => ({ name: `GET ${path}`, path }));
      const paths = bare
        .filter(({ path }) => path !== "/v1/health")
        .flatMap((probe) => PATH_TRICKS.map((trick) => ({ ...probe, path: trick(probe.path), name: `${probe.name} as ${trick(probe.path)}` })));
      const headers = bare.flatMap((probe) =>
        HEADER_TRICKS.map((trick) => ({ ...probe, headers: [...(probe.headers ?? []), ...trick], name: `${probe.name} with ${trick[0]}` })),
      );
      const methods = bare
        .filter(({ path }) => path !== "/v1/health")
        .flatMap(({ path }) => OTHER_METHODS.map((method) => ({ name: `${method} ${path}`, method, path })));
      const before = await contentsOf(b.db);
      const all = [...bare, ...pages, ...(world.short ? paths.filter((_, index) => index % 2 === 0) : paths), ...headers, ...methods];
      const seen = await attempt(b, all, (answer, { method = "GET", path }) =>
        isPublic({ method, path }) ? answer.status === 200 : [401, 400].includes(answer.status),
      );
      const changed = touched(before, await contentsOf(b.db));
      const open = await attempt(
        b,
        bare.filter(({ method }) => method === "GET").map((probe) => ({ ...probe, headers: bearer(b.server.token), limitMs: 3_000, untilBytes: 1 })),
        ({ status }) => status === 401,
      );
      return judged({
        reached: seen.probes,
        wanted: 1_000,
        figure: `${seen.probes} probes over ${routes.length} routes, ${seen.wrong.length} answered, ${changed.length} tables touched; with a credential ${open.wrong.length} of ${open.probes} let in${told(seen.wrong)}`,
        conditions: {
          "only health answers": seen.wrong.length === 0,
          "nothing touched": changed.length === 0,
          "with a credential they answer": open.wrong.length === open.probes,
        },
      });
    }),
};

/** What is taken for a claim of who asks in other systems: none of it is one here. */
const CLAIMS = (token: string, other: string): readonly (readonly [name: string, headers: readonly string[], status: number])[] => [
  ["nothing", [], 401],
  ["an empty header", ["authorization", ""], 401],
  ["a scheme alone", ["authorization", "Bearer "], 401],
  ["blanks", ["authorization", "Bearer     "], 401],
  ["the token bare", ["authorization", token], 401],
  ["two headers, both good", [...bearer(token), ...bearer(token)], 400],
  ["two headers, the second of the other home", [...bearer(token), ...bearer(other)], 400],
  ["two headers, the first empty", ["authorization", "", ...bearer(token)], 400],
  ["two tokens in one header", ["authorization", `Bearer ${token}, Bearer ${other}`], 401],
  ["two tokens after another", ["authorization", `Bearer ${other} ${token}`], 401],
  ["in a cookie", ["cookie", `token=${token}; authorization=Bearer ${token}; loop=${token}`], 401],
  ["in x-api-key", ["x-api-key", token, "api-key", token], 401],
  ["in proxy-authorization", ["proxy-authorization", `Bearer ${token}`], 401],
  ["a home named beside it", [...bearer(other), "x-tenant-id", "home", "x-workspace", "warm-stays", "loop-home", "home", "x-org-id", "1"], 401],
  ["two hosts", ["host", "localhost", "host", "localhost", ...bearer(token)], 400],
  ["two keys", [...bearer(token), "idempotency-key", "a", "idempotency-key", "b"], 400],
  ["two faces", [...bearer(token), "loop-face", "cli", "loop-face", "http"], 400],
  ["two labels", [...bearer(token), "loop-label-team", "a", "loop-label-team", "b"], 400],
];

export const mixedClaims: Case = {
  id: "H-10",
  title: "who asks is said once, in one header: missing, empty, doubled, mixed, or said elsewhere is 401 or 400 on every route, and never the operator",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  run: (world) =>
    withHomes(world, async ({ a, b }) => {
      const routes = (await routesOf(b.server)).filter((route) => !isPublic(route));
      const claims = CLAIMS(b.server.token, a.server.token);
      const probes = routes.flatMap((route) =>
        claims.map(([name, headers, status]) => ({
          ...plain(route, b),
          headers: [...(plain(route, b).headers ?? []), ...headers],
          name: `${lineOf(route)} ${name}`,
          status,
        })),
      );
      const inQuery = routes.map((route) => ({
        ...plain(route, b),
        path: `${plain(route, b).path}?token=${b.server.token}&access_token=${b.server.token}`,
        name: `${lineOf(route)} in the query`,
        status: 401,
      }));
      const before = await contentsOf(b.db);
      const seen = await attempt(b, [...probes, ...inQuery], (answer, probe) => answer.status === (probe as (typeof probes)[number]).status);
      const changed = touched(before, await contentsOf(b.db));
      const control = await sendRaw(b.server.url, { path: "/v1/me", headers: [...bearer(b.server.token), "x-tenant-id", "another"] });
      return judged({
        reached: seen.probes,
        wanted: 1_000,
        figure: `${claims.length + 1} claims on ${routes.length} routes, ${seen.wrong.length} taken otherwise, ${changed.length} tables touched; the one that counts: ${control.status}${told(seen.wrong)}`,
        conditions: { "401 or 400": seen.wrong.length === 0, "nothing touched": changed.length === 0, "the token by itself counts": control.status === 200 },
      });
    }),
};

export const fromLoopback: Case = {
  id: "H-13",
  title: "every route that changes something, from loopback and over the local socket, without a credential: refused; to be on this machine is no identity",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  run: (world) =>
    withHomes(world, async ({ b }) => {
      const routes = (await routesOf(b.server)).filter(({ method }) => method !== "GET");
      const ways: readonly Partial<Sending>[] = [
        {},
        { socketPath: b.socketPath },
        { headers: ["loop-face", "cli"] },
        { socketPath: b.socketPath, headers: ["loop-face", "cli", "x-forwarded-for", "127.0.0.1"] },
        { headers: ["origin", b.server.url] },
      ];
      const probes = routes.flatMap((route) =>
        ways.map((way, at) => ({
          ...plain(route, b),
          ...way,
          headers: [...(plain(route, b).headers ?? []), ...(way.headers ?? [])],
          name: `${lineOf(route)} by way ${at}`,
        })),
      );
      const before = await contentsOf(b.db);
      const seen = await attempt(b, probes, ({ status }) => status === 401);
      const changed = touched(before, await contentsOf(b.db));
      const control = await sendRaw(b.server.url, {
        method: "POST",
        path: "/v1/policy/explain",
        socketPath: b.socketPath,
        headers: [...bearer(b.server.token), "content-type", "application/json"],
        body: "{}",
      });
      return judged({
        reached: seen.probes,
        wanted: 150,
        figure: `${seen.probes} probes on ${routes.length} routes that change something, ${seen.wrong.length} let in, ${changed.length} tables touched; with a token over the socket ${control.status}${told(seen.wrong)}`,
        conditions: {
          "all refused": seen.wrong.length === 0,
          "nothing touched": changed.length === 0,
          "with a token the socket answers": control.status !== 401 && control.status !== 0,
        },
      });
    }),
};

const unsigned = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url")}.${Buffer.from('{"sub":"owner","roles":["owner"]}').toString("base64url")}.`;

/** Everything that looks like a credential and is none. */
async function deadTokens({ a, b }: Homes): Promise<Readonly<Record<string, string>>> {
  const [revoked, expired, gone] = [await b.token("vera"), await b.token("vera", { expiresIn: "1s" }), await b.token("otto")];
  await b.server.call(`DELETE /v1/tokens/${revoked.id}`);
  await sql`update principals set disabled_at = loop_now() where handle = 'otto'`.execute(b.db);
  await sleep(1_100); // until it has expired
  const good = b.server.token;
  return {
    garbage: "Bearer garbage",
    shaped: `Bearer loop_${"A".repeat(32)}`,
    truncated: `Bearer ${good.slice(0, -1)}`,
    longer: `Bearer ${good}A`,
    "in another case": `Bearer ${good.toUpperCase()}`,
    "of other home": `Bearer ${a.server.token}`,
    "unsigned JWT": `Bearer ${unsigned}`,
    revoked: `Bearer ${revoked.value}`,
    expired: `Bearer ${expired.value}`,
    "of somebody disabled": `Bearer ${gone.value}`,
    "its id": `Bearer ${b.ids.token}`,
    basic: `Basic ${Buffer.from("owner:wrong").toString("base64")}`,
    "basic with a good one": `Basic ${Buffer.from(`owner:${good}`).toString("base64")}`,
    digest: 'Digest username="owner", realm="x", nonce="x", uri="/", response="x"',
    "very long": `Bearer ${"x".repeat(8_000)}`,
    SQL: "Bearer ' or ''='",
  };
}

export const wrongTokens: Case = {
  id: "H-14",
  title:
    "tokens that do not count (garbage, cut, expired, revoked, unsigned, of another home, of somebody disabled) by HTTP, by streams and by the local socket: 401, the same body",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  run: (world) =>
    withHomes(world, async (homes) => {
      const { b } = homes;
      const routes = (await routesOf(b.server)).filter((route) => !isPublic(route));
      const dead = Object.entries(await deadTokens(homes));
      const chosen = world.short ? routes.filter(({ isStream }, index) => isStream || index % 3 === 0) : routes;
      const probes = [...chosen, ...chosen.map((route) => ({ ...route, bySocket: true }))].flatMap((route) =>
        dead.map(([name, authorization]) => ({
          ...plain(route, b),
          headers: [...(plain(route, b).headers ?? []), "authorization", authorization],
          ...("bySocket" in route ? { socketPath: b.socketPath } : {}),
          limitMs: 5_000,
          name: `${lineOf(route)} ${name}${"bySocket" in route ? " by the socket" : ""}`,
        })),
      );
      const bodies = new Set<string>();
      const before = await contentsOf(b.db);
      const seen = await attempt(b, probes, (answer) => {
        bodies.add(JSON.stringify({ ...(JSON.parse(answer.text || "{}") as object), error: null })); // clients of the gateway read a form of their own beside it
        return answer.status === 401;
      });
      const changed = touched(before, await contentsOf(b.db));
      await sql`update principals set disabled_at = null where handle = 'otto'`.execute(b.db);
      const control = await sendRaw(b.server.url, { path: "/v1/feed", headers: bearer(b.server.token), untilBytes: 1, limitMs: 3_000 });
      return judged({
        reached: seen.probes,
        wanted: 500,
        figure: `${dead.length} credentials on ${chosen.length} routes by TCP and by the socket, streams among them: ${seen.wrong.length} let in, ${bodies.size} bodies, ${changed.length} tables touched; a good one ${control.status}${told(seen.wrong)}`,
        conditions: {
          "401": seen.wrong.length === 0,
          "the same body": bodies.size === 1,
          "nothing touched": changed.length === 0,
          "a good one opens the stream": control.status === 200,
        },
      });
    }),
};

const FOREIGN_HOSTS = [
  "evil.example",
  "localhost.evil.example",
  "evil.example:80",
  "127.0.0.1.nip.io",
  "[::2]",
  "10.1.2.3",
  "localhost.",
  "localhost:999999",
  "localhost@evil.example",
  "0.0.0.0",
  "0x7f.1",
  "2130706433",
  "",
  "a b",
];
const FOREIGN_ORIGINS = [
  "http://evil.example",
  "null",
  "http://localhost:3000",
  "http://localhost",
  "file://",
  "http://127.0.0.1:1",
  "https://evil.example:443",
  "chrome-extension://x",
  "",
  "http://localhost.evil.example",
];

export const rebinding: Case = {
  id: "H-22",
  title:
    "a wrong Host or Origin on the port and on the local socket, for routes, streams, pages and upgrades: 403 before anything else; no page gets leave to read, and no cookie counts",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  run: (world) =>
    withHomes(world, async ({ b }) => {
      const routes = (await routesOf(b.server)).filter(({ isStream }, index) => isStream || !world.short || index % 4 === 0);
      const pages: Probe[] = ["/docs/", "/openapi.json", "/v1/health"].map((path) => ({ name: `GET ${path}`, path }));
      const places = [...routes.map((route) => plain(route, b)), ...pages].flatMap((probe) => [
        probe,
        { ...probe, socketPath: b.socketPath, name: `${probe.name} by the socket` },
      ]);
      const upgrade = ["connection", "Upgrade", "upgrade", "websocket", "sec-websocket-version", "13", "sec-websocket-key", "x3JJHMbDL1EzLkh9GBhXDw=="];
      const port = new URL(b.server.url).port;
      const headersOf = [
        ...FOREIGN_HOSTS.map((host) => ["host", host]),
        ...FOREIGN_ORIGINS.map((origin) => ["host", `localhost:${port}`, "origin", origin]),
        ["host", "evil.example", ...upgrade],
        ["host", `localhost:${port}`, "origin", "http://evil.example", ...upgrade],
      ];
      const probes = places.flatMap((probe) =>
        headersOf.map((headers) => ({
          ...probe,
          headers: [...(probe.headers ?? []), ...bearer(b.server.token), ...headers],
          limitMs: 5_000,
          name: `${probe.name} ${headers.slice(0, 4).join(" ")}`,
        })),
      );
      const before = await contentsOf(b.db);
      let leave = 0;
      const seen = await attempt(b, probes, (answer) => {
        if (Object.keys(answer.headers).some((name) => name.startsWith("access-control-"))) leave += 1;
        return answer.status === 403 && codeOf(answer) === "origin_refused";
      });
      const cookies = await attempt(
        b,
        routes
          .filter((route) => !isPublic(route))
          .map((route) => ({ ...plain(route, b), name: lineOf(route), headers: ["cookie", `loop=${b.server.token}`, "content-type", "application/json"] })),
        ({ status, headers }) => status !== 200 && headers["set-cookie"] === undefined,
      );
      const changed = touched(before, await contentsOf(b.db));
      const own = await Promise.all(
        [
          ["host", `localhost:${port}`],
          ["host", `127.0.0.1:${port}`, "origin", `http://127.0.0.1:${port}`],
        ].map((headers) => sendRaw(b.server.url, { path: "/v1/me", headers: [...bearer(b.server.token), ...headers] })),
      );
      return judged({
        reached: seen.probes,
        wanted: 500,
        figure: `${headersOf.length} foreign names on ${places.length} places: ${seen.wrong.length} let through, ${leave} answers with leave for a page, ${cookies.wrong.length} cookies taken, ${changed.length} tables touched; our own names ${own.map(({ status }) => status).join(", ")}${told(seen.wrong)}`,
        conditions: {
          "403 for all": seen.wrong.length === 0,
          "no leave to read": leave === 0,
          "no cookie counts": cookies.wrong.length === 0,
          "nothing touched": changed.length === 0,
          "our own names pass": own.every(({ status }) => status === 200),
        },
      });
    }),
};

const MARK = "zqmark";
const EVIL = (mark: string): readonly string[] => [
  `'||(select pg_sleep(9))||'${mark}`,
  `${mark}"; drop table tickets; --`,
  `${mark}') or ('1'='1`,
  `${mark}\\' union select value from tokens --`,
  `$1${mark}`,
  `${mark}\u02bc; select pg_sleep(9); --`,
];

const printable = (text: string): string => encodeURIComponent(text);

/** One probe for each place of a request that a text can stand in. */
function injections(route: Route, home: Tenant, evil: string): Probe[] {
  const base = plain(route, home);
  const authorised = bearer(home.server.token);
  const as = (name: string, more: Partial<Probe>): Probe => ({
    ...base,
    ...more,
    headers: [...authorised, ...(base.headers ?? []), ...(more.headers ?? [])],
    limitMs: 12_000,
    name: `${lineOf(route)} ${name}`,
  });
  const inPath = route.path.includes("{") ? [as("in the path", { path: filled(route.path, evil) })] : [];
  const inQuery =
    route.method === "GET"
      ? [...route.query, "sort", "filter", "order", evil].map((name) => as(`in ?${name}`, { path: `${base.path}?${printable(name)}=${printable(evil)}` }))
      : [];
  const inHeaders = ["user-agent", "loop-face", "x-forwarded-for", "last-event-id", "idempotency-key", "accept-language"].map((name) =>
    as(`in ${name}`, { headers: [name, evil.replaceAll(/[^\x20-\x7e]/g, "")] }),
  );
  const bodies =
    route.method === "GET"
      ? []
      : [
          ...route.texts.map((name) => ({ ...(bodyFor(route) as object), [name]: evil })),
          { ...(bodyFor(route) as object), [evil]: evil },
          { labels: { [evil]: evil }, text: evil },
        ];
  return [...inPath, ...inQuery, ...(route.path.includes("{") ? [] : inHeaders), ...bodies.map((body) => as(`in the body`, { body: JSON.stringify(body) }))];
}

/** What Postgres wrote down meanwhile: the statements apart from their parameters. */
async function statementsSince(log: string, offset: number): Promise<{ statements: string[]; parameters: string[] }> {
  const text = (await readFile(log)).subarray(offset).toString("utf8");
  const records = text.split(/\n(?=\S)/);
  return { statements: records.filter((record) => !record.includes("DETAIL:")), parameters: records.filter((record) => record.includes("DETAIL:")) };
}

export const injected: Case = {
  id: "H-05",
  title:
    "SQL in the credential, cookie, headers, path, names and values of queries and bodies: the log of Postgres has it in parameters only, and what stands in a credential not at all",
  short: true,
  limitMs: { short: 120_000, full: 120_000 },
  run: (world) =>
    withHomes(world, async ({ b }) => {
      const { log } = await world.cluster();
      const routes = (await routesOf(b.server)).filter(({ path }) => path !== "/v1/workspace/apply" && path !== "/v1/workspace/rollback");
      const evils = EVIL(MARK);
      const all = routes.flatMap((route, at) => (world.short ? [evils[at % evils.length]!] : evils).flatMap((evil) => injections(route, b, evil)));
      const before = (await readFile(log)).length;
      const seen = await attempt(b, all, ({ status, tookMs }) => status > 0 && status < 500 && tookMs < 8_000);
      const inCredential = routes
        .filter((route) => !isPublic(route))
        .flatMap((route) =>
          EVIL("zqauth")
            .slice(0, 2)
            .flatMap((evil) => [
              { ...plain(route, b), name: `${lineOf(route)} in the credential`, headers: ["authorization", `Bearer ${evil.replaceAll(" ", "")}`] },
              { ...plain(route, b), name: `${lineOf(route)} in a cookie`, headers: ["cookie", `loop=${encodeURIComponent(evil)}zqauth`] },
            ]),
        );
      const unauthorised = await attempt(b, inCredential, ({ status, tookMs }) => status === 401 && tookMs < 8_000);
      await connected(b.databaseUrl, (client) => client.query("select 'zqcontrol'"));
      await sleep(200);
      const { statements, parameters } = await statementsSince(log, before);
      const inText = statements.filter((record) => record.includes(MARK));
      const early = [...statements, ...parameters].filter((record) => record.includes("zqauth"));
      const asParameter = parameters.filter((record) => record.includes(MARK)).length;
      return judged({
        reached: seen.probes + unauthorised.probes,
        wanted: 600,
        figure: `${seen.probes + unauthorised.probes} probes; ${statements.length} statements, ${inText.length} with it in their text, ${asParameter} times a parameter, ${early.length} times before the credential was looked at; ${seen.wrong.length + unauthorised.wrong.length} slow or 5xx${told([...seen.wrong, ...unauthorised.wrong, ...inText.map((one) => one.slice(0, 120))])}`,
        conditions: {
          "never in a statement": inText.length === 0,
          "it does reach parameters": asParameter > 20,
          "no query depends on a raw credential": early.length === 0,
          "no 5xx and no sleep": seen.wrong.length + unauthorised.wrong.length === 0,
          "the look finds what is in a statement": statements.some((record) => record.includes("zqcontrol")),
        },
      });
    }),
};
