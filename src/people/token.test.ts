import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { LoopError } from "#src/kernel/errors.ts";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { eventsOf, makePrincipal, tokenFor } from "./people-fixture.ts";
import { callersInForce, listTokens, requireToken, tokenExists } from "./store/tokens.ts";
import { authenticate, requireTokenRight, revokeToken } from "./token.ts";

const clock = heldClock();

test("a token lets its principal in with its scopes, and its value is nowhere in the database", async (t) => {
  const { db } = await testDatabase(t);
  const principal = await makePrincipal(db, clock, { handle: "ana", roles: ["operator"] });
  assert.equal(await tokenExists(db), false);
  const { value, token } = await tokenFor(db, clock, { principal, scopes: ["read", "tickets:write", "read"] });

  assert.match(value, /^loop_[A-Za-z0-9_-]{32}$/);
  assert.deepEqual(await authenticate(db, value), { ...principal, tokenId: token.id, scopes: ["read", "tickets:write"], runId: null });
  assert.equal(await tokenExists(db), true);
  const { rows } = await sql<{ everything: string }>`
    select coalesce((select string_agg(t::text, ' ') from tokens t), '') || coalesce((select string_agg(p::text, ' ') from payloads p), '')
      || coalesce((select string_agg(e::text, ' ') from events e), '') as everything`.execute(db);
  assert.ok(rows[0]!.everything.includes(token.id));
  assert.ok(!rows[0]!.everything.includes(value.slice(5)));
});

test("whatever is no token that counts opens nothing, without saying why", async (t) => {
  const { db, advance } = await testDatabase(t);
  const principal = await makePrincipal(db, clock, { handle: "ana", roles: ["owner"] });
  const expiring = await tokenFor(db, clock, { principal, validForMs: 60_000 });
  const revoked = await tokenFor(db, clock, { principal });
  await revokeToken(db, clock, { tokenId: revoked.token.id, by: principal.id });
  assert.equal((await authenticate(db, expiring.value))?.handle, "ana");
  await advance(60_001);

  const { value } = await tokenFor(db, clock, { principal });
  const flipped = value.slice(0, -1) + (value.endsWith("A") ? "B" : "A");
  const refused = [
    "",
    "loop_",
    value.slice(0, -1),
    `${value}A`,
    flipped,
    value.toUpperCase(),
    `${value}\0`,
    "' or 1=1 --",
    expiring.value,
    revoked.value,
    revoked.token.id,
  ];
  assert.deepEqual(
    await Promise.all(refused.map((text) => authenticate(db, text))),
    refused.map(() => undefined),
  );

  await sql`update principals set disabled_at = loop_now() where id = ${principal.id}`.execute(db);
  assert.equal(await authenticate(db, value), undefined);
  assert.equal(await tokenExists(db), false);
});

test("revoking is done once, keeps the row, and is in the journal with who did it", async (t) => {
  const { db } = await testDatabase(t);
  const principal = await makePrincipal(db, clock, { handle: "ana", roles: ["owner"] });
  const { token } = await tokenFor(db, clock, { principal, scopes: ["read"], validForMs: 1_000 });

  const first = await revokeToken(db, clock, { tokenId: token.id, by: principal.id });
  const second = await revokeToken(db, clock, { tokenId: token.id, by: principal.id });

  assert.notEqual(first.revokedAtMs, null);
  assert.deepEqual(second, first);
  assert.deepEqual(await listTokens(db), [first]);
  assert.deepEqual(await listTokens(db, "prn_00000000000000000000000000000000"), []);
  assert.deepEqual(await eventsOf(db), [
    { kind: "token.created", actor: "system", payload: { token: token.id, of: "ana", label: "test", scopes: ["read"], validForMs: 1_000 } },
    { kind: "token.revoked", actor: principal.id, payload: { token: token.id, of: "ana", label: "test" } },
  ]);
  await assert.rejects(requireToken(db, "tkn_nothing"), (error: LoopError) => error.code === "token_unknown");
});

test("of many tokens those that count now are told apart in one look", async (t) => {
  const { db } = await testDatabase(t);
  const [ana, rui] = [
    await makePrincipal(db, clock, { handle: "ana", roles: ["owner"] }),
    await makePrincipal(db, clock, { handle: "rui", roles: ["viewer"] }),
  ];
  const kept = await tokenFor(db, clock, { principal: ana });
  const gone = await tokenFor(db, clock, { principal: rui });
  await revokeToken(db, clock, { tokenId: gone.token.id, by: ana.id });
  assert.deepEqual(await callersInForce(db, [kept.token.id, gone.token.id]), [{ ...ana, tokenId: kept.token.id, scopes: ["*"], runId: null }]);
});

test("nobody makes a token that can do more than the one in hand, and only an owner one for an owner", async (t) => {
  const { db } = await testDatabase(t);
  const owner = await makePrincipal(db, clock, { handle: "ana", roles: ["owner"] });
  const admin = await makePrincipal(db, clock, { handle: "rui", roles: ["admin"] });
  const callerWith = async (principal: typeof owner, scopes: readonly ("*" | "read" | "tokens:manage")[]) =>
    (await authenticate(db, (await tokenFor(db, clock, { principal, scopes })).value))!;
  const refused = (work: () => void) => assert.throws(work, (error: LoopError) => error.code === "permission_missing");

  const narrow = await callerWith(owner, ["read", "tokens:manage"]);
  requireTokenRight(narrow, { principal: admin, scopes: ["read", "tokens:manage"] });
  refused(() => requireTokenRight(narrow, { principal: admin, scopes: ["*"] }));
  refused(() => requireTokenRight(narrow, { principal: admin, scopes: ["tickets:write"] }));

  const wide = await callerWith(admin, ["*"]);
  requireTokenRight(wide, { principal: admin, scopes: ["*"] });
  refused(() => requireTokenRight(wide, { principal: owner, scopes: ["read"] }));
  requireTokenRight(await callerWith(owner, ["*"]), { principal: owner, scopes: ["*"] });
});
