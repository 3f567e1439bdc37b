import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import type { Db } from "#src/database/open.ts";
import { may, PERMISSIONS } from "#src/people/permission.ts";
import { ROLES } from "#src/people/role.ts";
import { revokeToken } from "#src/people/token.ts";
import type { RouteRow } from "./app.ts";
import { httpFixture, type HttpFixture } from "./http-fixture.ts";

/** Counts of everything that a request could change. */
async function fingerprint(db: Db): Promise<unknown> {
  const { rows } = await sql`
    select (select count(*) from events) as events, (select count(*) from tickets) as tickets, (select count(*) from runs) as runs, (select count(*) from tokens) as tokens,
      (select count(*) from ask_decisions) as decisions, (select count(*) from idempotency_keys) as keys, (select max(version) from tickets) as version,
      (select string_agg(state, ',' order by id) from runs) as states, (select count(*) from tokens where revoked_at is not null) as revoked`.execute(db);
  return rows[0];
}

const withId = (url: string, id: string): string => url.replace(":id", id).replace("*", "swagger-ui.css");
const line = ({ method, url }: RouteRow, id = "tkt_0"): string => `${method} ${withId(url, id)}`;
const closed = (rows: readonly RouteRow[]): RouteRow[] => rows.filter(({ access }) => access !== "public");

async function ready(fixture: HttpFixture): Promise<RouteRow[]> {
  await fixture.app.ready();
  assert.ok(fixture.app.routeTable.length > 40);
  return fixture.app.routeTable;
}

test("only health is open; every other route refuses whoever has no token that counts, all in the same words", async (t) => {
  const fixture = await httpFixture(t);
  const { call, person, db, clock, advance } = fixture;
  const table = await ready(fixture);
  assert.deepEqual(
    table.filter(({ access }) => access === "public").map(({ method, url }) => `${method} ${url}`),
    ["GET /v1/health", "HEAD /v1/health"],
  );
  const ana = await person("ana", ["owner"]);
  const expired = await person("eva", ["owner"], { validForMs: 1_000 });
  const revoked = await person("rui", ["owner"]);
  await revokeToken(db, clock, { tokenId: revoked.tokenId, by: "system" });
  await advance(2_000);
  const refused = {
    none: undefined,
    empty: "",
    garbage: "Bearer garbage",
    shaped: `Bearer loop_${"A".repeat(32)}`,
    truncated: `Bearer ${ana.token.slice(0, -1)}`,
    unsigned: "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJvd25lciJ9.",
    expired: `Bearer ${expired.token}`,
    revoked: `Bearer ${revoked.token}`,
    bare: ana.token,
    basic: `Basic ${Buffer.from(`ana:wrong`).toString("base64")}`,
    sql: "Bearer '||(select pg_sleep(1))||'",
  };
  const before = await fingerprint(db);
  const bodies = new Set<string>();
  const gateway = new Set<string>();
  for (const row of closed(table)) {
    for (const [name, authorization] of Object.entries(refused)) {
      const { status, body } = await call(line(row), { headers: authorization === undefined ? {} : { authorization } });
      assert.equal(status, 401, `${line(row)} with ${name}`);
      if (row.method !== "HEAD") ("error" in body ? gateway : bodies).add(JSON.stringify({ ...body, error: "error" in body })); // its clients read errors in a form of their own too
    }
  }
  assert.deepEqual([bodies.size, gateway.size], [1, 1]);
  assert.deepEqual(await fingerprint(db), before);
});

test("a token reaches exactly the routes that its role and scopes give", async (t) => {
  const fixture = await httpFixture(t, { limits: { feedPollMs: 5 } });
  const { call, person, db } = fixture;
  const table = closed(await ready(fixture)).filter(({ url }) => url !== "/v1/feed");
  const before = await fingerprint(db);
  const people = [];
  for (const role of ROLES) people.push(await person(role, [role]));
  for (const scope of PERMISSIONS) people.push(await person(`only-${scope.replace(":", "-")}`, ["owner"], { scopes: [scope] }));
  for (const one of people) {
    const scopes = one.principal.handle.startsWith("only-")
      ? [PERMISSIONS.find((scope) => one.principal.handle === `only-${scope.replace(":", "-")}`)!]
      : ["*"];
    for (const row of table) {
      const atOnce = row.url === "/v1/loop/wait" ? "?timeoutSeconds=0" : ""; // nothing moves here
      const { status, body } = await call(line(row, "nothing") + atOnce, { as: one });
      const allowed = row.access === "credential" || (row.access !== "public" && may({ roles: one.principal.roles, scopes }, row.access));
      assert.equal(status !== 403, allowed, `${one.principal.handle} on ${line(row)}: ${status} ${JSON.stringify(body)}`);
      if (!allowed && row.method !== "HEAD") assert.equal(body.code, "permission_missing");
    }
  }
  assert.deepEqual({ ...((await fingerprint(db)) as object), events: 0, tokens: 0 }, { ...(before as object), events: 0, tokens: 0 });
});

test("an id that is unknown or no id at all is 404 or 422 on every route, and nothing is touched", async (t) => {
  const fixture = await httpFixture(t);
  const { call, person, ticket, ask, db } = fixture;
  const table = await ready(fixture);
  const owner = await person("ana", ["owner"]);
  const { id: ticketId, runId } = await ticket();
  const askId = await ask({ ticketId, runId });
  const zeros = "0".repeat(32);
  const ids = [
    `tkt_${zeros}`,
    `ask_${zeros}`,
    `run_${zeros}`,
    `tkn_${zeros}`,
    `prn_${zeros}`,
    "999999",
    "999999999999999999999",
    "-1",
    "1e3",
    "0x1",
    "%00",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%2f",
    "%2F",
    "%5c..%5c",
    "'%20or%201=1--",
    "1%3bdrop%20table%20tickets",
    "null",
    "undefined",
    "%20",
    "%EF%BF%BD",
    "__proto__",
    "constructor",
    "*",
    "%25",
    "%23",
    "a".repeat(400),
    `${ticketId}x`,
    ticketId.toUpperCase(),
    `${askId}%00`,
  ];
  const before = await fingerprint(db);
  for (const row of table.filter(({ url }) => url.includes(":id"))) {
    for (const id of ids) {
      const { status, body } = await call(line(row, id), { as: owner, ...(row.method === "POST" ? { payload: { reason: "x", answer: "approve" } } : {}) });
      assert.ok(status === 404 || status === 422, `${line(row, id)} gave ${status} ${JSON.stringify(body)}`);
    }
  }
  for (const url of [
    "/v1/asks?ticket=",
    "/v1/runs?ticket=",
    "/v1/costs?ticket=",
    "/v1/costs?run=",
    "/v1/journal?ticket=",
    "/v1/journal?run=",
    "/v1/feed?run=",
  ]) {
    for (const id of ids.filter((one) => !/^%?(23|20)?$/.test(one))) {
      const { status, body } = await call(`GET ${url}${id}`, { as: owner });
      const unknownRun = url.startsWith("/v1/costs?run") && id === `run_${zeros}`; // a filter that nothing passes
      assert.ok(status === 404 || status === 422 || (unknownRun && status === 200), `${url}${id} gave ${status} ${JSON.stringify(body)}`);
    }
  }
  assert.deepEqual(await fingerprint(db), before);
  assert.deepEqual(fixture.errors, []);
});

test("SQL in names and values of queries is a value or refused, never a statement", async (t) => {
  const fixture = await httpFixture(t);
  const { call, person, ticket, db } = fixture;
  const vera = await person("vera", ["viewer"]);
  await ticket();
  const before = await fingerprint(db);
  const evil = ["';drop table tickets;--", "1) or (1=1", "$1", "${x}", "\\", "%", "_", '"', "\u2028"].map(encodeURIComponent);
  for (const { url } of (await ready(fixture)).filter(
    ({ method, access, url }) => method === "GET" && access === "read" && !url.startsWith("/docs") && !url.includes(":id"),
  )) {
    for (const text of evil) {
      const asked = ["q", "by", "status", "label", "agent", "category", "kind", "after", "limit", "cursor", "from", "state", "layer", text].map(
        (name) => `${name}=${text}`,
      );
      for (const query of asked) {
        const { status } = await call(`GET ${url}?${query}`, { as: vera, ...(url === "/v1/feed" ? { headers: { "last-event-id": "x" } } : {}) });
        assert.ok(status < 500, `${url}?${query} gave ${status}`);
      }
    }
  }
  assert.deepEqual([await fingerprint(db), fixture.errors], [before, []]);
});

test("tricks with the path, the method and forwarding headers reach nothing", async (t) => {
  const { call, person } = await httpFixture(t);
  const tricks = [
    "//v1/tickets",
    "/v1//tickets",
    "/V1/tickets",
    "/v1/tickets/",
    "/v1%2ftickets",
    "/v1/health%2f..%2ftickets",
    "/v1/health/..;/tickets",
    "/v1/tickets.json",
    "/v1/health;/v1/tickets",
    "/.env",
    "/docs/..%2f..%2fpackage.json",
  ];
  const headers = {
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-host": "localhost",
    "x-original-url": "/v1/health",
    "x-rewrite-url": "/v1/health",
    "x-http-method-override": "GET",
    "x-forwarded-user": "ana",
  };
  for (const path of [...tricks, "/v1/tickets"]) {
    for (const method of ["GET", "POST", "PUT", "OPTIONS", "TRACE"])
      assert.equal((await call(`${method} ${path}`, { headers })).status, 401, `${method} ${path}`);
  }
  const ana = await person("ana", ["owner"]);
  for (const path of tricks) assert.equal((await call(`GET ${path}`, { as: ana, headers })).status, 404, path);
  assert.equal((await call("GET /v1/tickets/%E0%A4%A", { as: ana })).status, 400);
  const put = await call("PUT /v1/tickets", { as: ana, payload: {} });
  assert.deepEqual([put.status, put.body.code, put.body.facts], [405, "method_not_allowed", { allowed: "GET, HEAD, POST" }]);
});

test("a foreign Host or Origin is refused before anything else, and no page gets permission to read", async (t) => {
  const { call, person } = await httpFixture(t, { address: { host: "127.0.0.1", publicUrl: "https://loop.example.org", trustedProxies: [] } });
  const ana = await person("ana", ["owner"]);
  const reach = async (headers: Record<string, string>) =>
    ((reply) => [reply.status, reply.body.code, reply.headers["access-control-allow-origin"]])(await call("GET /v1/me", { as: ana, headers }));
  const refused = [403, "origin_refused", undefined];
  for (const host of [
    "evil.example",
    "localhost.evil.example",
    "loop.example.org.evil.example",
    "localhost@evil.example",
    "127.0.0.1.nip.io",
    "[::2]",
    "10.0.0.9:4747",
    "localhost:99999999",
    "localhost.",
  ]) {
    assert.deepEqual(await reach({ host }), refused, host);
  }
  for (const host of ["localhost", "localhost:4747", "LOCALHOST:80", "127.0.0.1:1", "[::1]:4747", "loop.example.org"])
    assert.equal((await reach({ host }))[0], 200, host);
  const host = "localhost:4747";
  for (const origin of [
    "http://evil.example",
    "null",
    "http://localhost:3000",
    "http://localhost",
    "file://",
    "http://localhost:4747.evil.example",
    "https://loop.example.org:444",
    "http://loop.example.org",
  ]) {
    assert.deepEqual(await reach({ host, origin }), refused, origin);
  }
  for (const origin of ["http://localhost:4747", "https://loop.example.org"]) assert.deepEqual(await reach({ host, origin }), [200, undefined, undefined]);
  assert.equal((await call("GET /v1/health", { headers: { host: "evil.example" } })).status, 403);
});

test("every answer carries the headers that keep a browser from doing anything with it", async (t) => {
  const { call, person } = await httpFixture(t);
  const ana = await person("ana", ["owner"]);
  for (const options of [{ as: ana }, {}, { as: ana, headers: { origin: "null" } }]) {
    const { headers } = await call("GET /v1/tickets", options);
    assert.equal(headers["content-security-policy"], "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["x-frame-options"], "DENY");
    assert.equal(headers["referrer-policy"], "no-referrer");
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(headers["x-powered-by"], undefined);
    assert.match(String(headers["request-id"]), /^[0-9a-f-]{36}$/);
  }
});
