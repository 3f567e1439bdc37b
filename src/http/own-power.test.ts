import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { followFolder } from "#src/apply/follow-folder.ts";
import { type HeldFolder, holdFolder } from "#src/apply/held-folder.ts";
import { may, PERMISSIONS } from "#src/people/permission.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { SOUND_FILES, writeFiles } from "#src/testing/workspace-files.ts";
import { readFolder } from "#src/workspace/load.ts";
import { filesDigest, listRevisions } from "#src/workspace/revisions.ts";
import { applyFolder } from "#src/workspace/taking.ts";
import type { Access } from "./app.ts";
import { httpFixture } from "./http-fixture.ts";

/** What an agent would change of itself, as members of a body. */
const OWN = {
  instructions: "agents/other.md",
  model: "openai:gpt-5",
  baseUrl: "http://evil.example",
  budget: { monthlyUsd: 1_000_000 },
  tools: ["shell.run"],
  policy: { rules: [] },
  sandbox: "off",
  owner: "bot",
  roles: ["owner"],
  yes: true,
  note: "mine",
};

test("H-03: an agent changes nothing of its own power by any route, and each attempt is in the journal", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "loopwright-own-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFiles(folder, Object.entries({ ...SOUND_FILES, "budgets/lisbon.yaml": SOUND_FILES["budgets/lisbon.yaml"].replace("500", "900") }));
  const late = Promise.withResolvers<HeldFolder>();
  const later =
    <A extends unknown[], T>(of: (held: HeldFolder) => (...args: A) => Promise<T>) =>
    async (...args: A): Promise<T> =>
      of(await late.promise)(...args);
  const fixture = await httpFixture(t, {
    folder: {
      last: () => undefined,
      plan: later((held) => held.plan),
      apply: later((held) => held.apply),
      rollback: later((held) => held.rollback),
      writeLive: later((held) => held.writeLive),
      writeFiles: later((held) => held.writeFiles),
    },
  });
  const { db, app, call, person, ticket, ask } = fixture;
  const clock = heldClock();
  await applyFolder(db, clock, { folder, author: "system", note: "first" });
  const following = followFolder({ db, clock, log: silentLog, folder, tookEffect: () => Promise.resolve() });
  t.after(following.stop);
  late.resolve(holdFolder({ db, clock, folder, following, tookEffect: () => Promise.resolve() }));
  await writeFile(join(folder, "budgets/lisbon.yaml"), SOUND_FILES["budgets/lisbon.yaml"].replace("500", "5000")); // what waits for an apply

  await app.ready();
  const routes = app.routeTable.filter(({ method, access }) => method !== "GET" && method !== "HEAD" && access !== "public");
  assert.ok(routes.length >= 15);
  const { id: ticketId, runId } = await ticket();
  const askId = await ask({ purpose: "apply", approvers: { roles: ["owner", "admin", "agent"], names: ["bot"] } });
  const before = { revisions: await listRevisions(db, { limit: 10 }), folder: filesDigest(await readFolder(folder)) };

  for (const roles of [["agent"], ["worker"], ["owner", "agent"]] as const) {
    const handle = roles.length === 1 ? roles[0] : "bot";
    const machine = await person(handle, roles, { scopes: [...PERMISSIONS] });
    for (const { method, url } of routes) {
      const id = url.includes("asks") ? askId : url.includes("runs") ? runId : url.includes("tickets") ? ticketId : "pro_0";
      for (const payload of [OWN, { yes: true }, { revision: 1, yes: true }, { answer: "approve" }, { agent: handle, roles: ["owner"], handle }]) {
        if (roles.length === 2 && /tokens|override/.test(url)) continue; // an owner by role, who may: of power there is more below
        const { status } = await call(`${method} ${url.replace(":id", id)}`, { as: machine, payload });
        assert.ok(
          status >= 400 || ["/v1/tickets", "/v1/workspace/plan", "/v1/policy/explain"].includes(url) || roles.length === 2,
          `${handle} ${method} ${url}: ${status}`,
        );
        if (/workspace\/(apply|rollback)|proposals/.test(url)) assert.ok([403, 404, 422].includes(status), `${handle} ${method} ${url}: ${status}`);
      }
    }
  }
  assert.deepEqual({ revisions: await listRevisions(db, { limit: 10 }), folder: filesDigest(await readFolder(folder)) }, before);
  const { rows: asks } = await sql`select state from asks where id = ${askId}`.execute(db);
  assert.deepEqual(asks, [{ state: "open" }]);
  const { rows } = await sql<{ route: string }>`
    select distinct p.body::jsonb ->> 'method' || ' ' || (p.body::jsonb ->> 'route') as route from events e join payloads p on p.event_id = e.id
    where e.kind = 'access.refused' and p.body::jsonb ->> 'handle' = 'agent'`.execute(db);
  const forAgents = (access: Access): boolean => access === "credential" || access === "public" || may({ roles: ["agent"], scopes: [...PERMISSIONS] }, access);
  const wanted = routes.filter(({ access }) => !forAgents(access)).map(({ method, url }) => `${method} ${url}`);
  assert.deepEqual(rows.map(({ route }) => route).toSorted(), [...new Set(wanted)].toSorted());
});
