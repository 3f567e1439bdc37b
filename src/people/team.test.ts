import assert from "node:assert/strict";
import { test } from "node:test";
import { type Db, inTransaction } from "#src/database/open.ts";
import type { LoopError } from "#src/kernel/errors.ts";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { ensureOwner } from "./owner.ts";
import { eventsOf, makePrincipal, member, tokenFor } from "./people-fixture.ts";
import { findByIdentity, listPrincipals, principalByHandle, requirePrincipal } from "./store/principals.ts";
import { syncTeam, type TeamMember } from "./team.ts";
import { authenticate } from "./token.ts";
import { whoIs } from "./who-is.ts";

const clock = heldClock();
const sync = (db: Db, team: readonly TeamMember[]) => inTransaction(db, (tx) => syncTeam(tx, clock, team));
const rejectsWith = (code: string, promise: Promise<unknown>) => assert.rejects(promise, (error: LoopError) => error.code === code);

test("the members of the team files become principals with the roles of the files", async (t) => {
  const { db } = await testDatabase(t);
  const ana = member("ana", {
    name: "Ana Reis",
    roles: ["owner", "approver"],
    languages: ["pt"],
    looksAfter: { shop: ["lisbon"] },
    identities: [{ surface: "chat", id: "U1" }],
  });

  assert.deepEqual(await sync(db, [ana, member("robot", { roles: ["agent"] })]), { created: ["ana", "robot"], changed: [], disabled: [] });

  const { id, createdAtMs: _made, ...rest } = (await principalByHandle(db, "ana"))!;
  assert.deepEqual(rest, {
    handle: "ana",
    kind: "person",
    displayName: "Ana Reis",
    roles: ["owner", "approver"],
    groups: [],
    languages: ["pt"],
    looksAfter: { shop: ["lisbon"] },
    source: "workspace",
    disabledAtMs: null,
  });
  assert.equal((await principalByHandle(db, "robot"))?.kind, "agent");
  assert.equal((await findByIdentity(db, "chat", "U1"))?.id, id);
  assert.equal(await findByIdentity(db, "chat", "u1"), undefined);
  assert.deepEqual((await eventsOf(db))[0], {
    kind: "principal.changed",
    actor: "system",
    payload: { what: "created", handle: "ana", kind: "person", roles: ["owner", "approver"], source: "workspace", identities: ["chat:U1"] },
  });
});

test("the same files again change nothing and journal nothing", async (t) => {
  const { db } = await testDatabase(t);
  const team = [member("ana", { looksAfter: { shop: ["porto", "lisbon"], area: ["north"] }, identities: [{ surface: "chat", id: "U1" }] }), member("rui")];
  await sync(db, team);
  const before = [await listPrincipals(db), await eventsOf(db)];
  assert.deepEqual(await sync(db, team), { created: [], changed: [], disabled: [] });
  assert.deepEqual([await listPrincipals(db), await eventsOf(db)], before);
});

test("a role taken away in the file is taken away, and a member who left may do nothing until back", async (t) => {
  const { db } = await testDatabase(t);
  await sync(db, [member("ana", { roles: ["owner"] }), member("rui", { identities: [{ surface: "chat", id: "U2" }] })]);
  const rui = await requirePrincipal(db, "rui");
  const { value } = await tokenFor(db, clock, { principal: rui });
  assert.deepEqual([(await whoIs(db, "http", "rui"))?.id, (await whoIs(db, "chat", "U2"))?.id, await whoIs(db, "chat", "rui")], [rui.id, rui.id, undefined]);

  assert.deepEqual(await sync(db, [member("ana", { roles: ["viewer"] })]), { created: [], changed: ["ana"], disabled: ["rui"] });
  assert.deepEqual((await requirePrincipal(db, "ana")).roles, ["viewer"]);
  assert.equal(await authenticate(db, value), undefined);
  assert.equal(await findByIdentity(db, "chat", "U2"), undefined);
  assert.equal(await whoIs(db, "http", "rui"), undefined);
  assert.notEqual((await requirePrincipal(db, "rui")).disabledAtMs, null);

  assert.deepEqual(await sync(db, [member("ana", { roles: ["viewer"] }), member("rui")]), { created: [], changed: ["rui"], disabled: [] });
  assert.equal((await authenticate(db, value))?.id, rui.id);
});

test("an identity moves with the file, also from one who left, and is never two people", async (t) => {
  const { db } = await testDatabase(t);
  const chat = { surface: "chat", id: "U1" };
  await sync(db, [member("ana", { identities: [chat] }), member("rui")]);
  assert.deepEqual(await sync(db, [member("ana"), member("rui", { identities: [chat] })]), { created: [], changed: ["ana", "rui"], disabled: [] });
  assert.equal((await findByIdentity(db, "chat", "U1"))?.handle, "rui");
  await sync(db, [member("eva", { identities: [chat] })]);
  assert.equal((await findByIdentity(db, "chat", "U1"))?.handle, "eva");

  const before = [await listPrincipals(db), await eventsOf(db)];
  await rejectsWith("identity_taken", sync(db, [member("eva", { identities: [chat] }), member("ana", { identities: [chat] })]));
  assert.deepEqual([await listPrincipals(db), await eventsOf(db)], before);
});

test("a principal that the server made is never changed by a file", async (t) => {
  const { db } = await testDatabase(t);
  const root = await makePrincipal(db, clock, { handle: "root", roles: ["owner"] });
  await assert.rejects(sync(db, [member("ana"), member("root", { roles: ["viewer"] })]), (error: LoopError) => {
    assert.equal(error.code, "handle_taken");
    assert.match(error.message, /^teams\/house\.yaml has a member root,/);
    return true;
  });
  assert.deepEqual(await listPrincipals(db), [root]);
  assert.deepEqual(await sync(db, []), { created: [], changed: [], disabled: [] });
  assert.deepEqual(await requirePrincipal(db, root.id), root);
});

test("the first start makes one owner, whoever comes at the same time, and later starts find it", async (t) => {
  const { db } = await testDatabase(t);
  const made = await Promise.all([1, 2, 3].map(() => ensureOwner(db, clock, { osUser: "Jörg Müller" })));
  assert.equal(made.filter(({ created }) => created).length, 1);
  assert.deepEqual(new Set(made.map(({ principal }) => principal.id)).size, 1);
  const { principal } = await ensureOwner(db, clock, { osUser: "someone-else" });
  assert.deepEqual([principal.handle, principal.roles, principal.source, principal.displayName], ["jorg-muller", ["owner"], "server", "Jörg Müller"]);
  assert.deepEqual(
    (await eventsOf(db)).map(({ payload }) => payload),
    [{ what: "created", handle: "jorg-muller", roles: ["owner"], source: "server" }],
  );
});

test("the owner takes a name that is free", async (t) => {
  for (const [osUser, avoid, handle] of [
    ["ana", ["ana"], "owner"],
    ["ana", ["ana", "owner"], "owner-2"],
    ["管理者", [], "owner"],
    ["_www.", [], "www"],
    ["x".repeat(90), [], "x".repeat(64)],
  ] as const) {
    const { db } = await testDatabase(t);
    assert.equal((await ensureOwner(db, clock, { osUser, avoid })).principal.handle, handle);
  }
  const { db } = await testDatabase(t);
  await sync(db, [member("ana")]);
  assert.equal((await ensureOwner(db, clock, { osUser: "ana" })).principal.handle, "owner");
});
