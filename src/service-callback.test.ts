import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { sql } from "kysely";
import { sendCallback } from "#src/adapters/callback-http/send.ts";
import { inTransaction } from "#src/database/open.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain, testEngine } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { say, scriptedModel } from "#src/testing/scripted-model.ts";
import type { TicketId } from "#src/kernel/ids.ts";
import { requireRun } from "#src/runs/store/state.ts";
import { takeCall } from "#src/services/call.ts";
import { deliverCallback } from "#src/services/callback.ts";
import { enqueueAfter } from "#src/services/jobs.ts";

const KEY = Buffer.from("twenty-four bytes of key");
const AGENT = "apiVersion: loopwright.dev/v1\nkind: Agent\nname: a\nrunner: model\nprocedure: chat\n";
const serviceFile = (hosts: string): string =>
  `apiVersion: loopwright.dev/v1\nkind: Service\nname: s\nstartingAgent: a\nagents: [a]\ncallbackSecret: secret:hook\ncallbackHosts: [${hosts}]\n`;

test("a result is sent signed, tried again until it arrived, once, and only to where it may go", async (t) => {
  const received: { headers: Record<string, unknown>; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      received.push({ headers: request.headers, body });
      response.writeHead(received.length === 1 ? 500 : 204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { db } = await testDatabase(t);
  const files = chatWorkspace({ "agents/a.yaml": AGENT, "services/s.yaml": serviceFile(`"${host}"`) });
  const jobs: object[] = [];
  const base = await testEngine({ db, clock: heldClock(), files, model: scriptedModel(() => say("all good")) });
  const queue = { enqueue: (_: unknown, name: string, data: object) => Promise.resolve(String(jobs.push({ name, ...data }))) };
  const engine = { ...base, whenEnded: enqueueAfter(queue) };
  const { revision, workspace } = await engine.workspaces.current();
  const place = { clock: engine.clock, revision, workspace, tiers: engine.tiers(workspace) };
  const caller = { id: "prn_a", handle: "a" } as const;
  const service = workspace.services[0]!;
  const { call } = await takeCall(db, place, { service, caller, body: { messages: [{ role: "user", text: "hi" }], callback_url: `http://${host}/done` } });
  await drain(engine);
  const after = [{ name: "callback", callId: call.id }];
  assert.deepEqual(jobs, after);
  const deps = { db, clock: engine.clock, workspaces: engine.workspaces, secret: () => Promise.resolve(`whsec_${KEY.toString("base64")}`), send: sendCallback };
  const once = { callId: call.id, signal: new AbortController().signal };
  for (const secret of ["", "   ", "whsec_", "whsec_====", "whsec_§§§§§§§§§§§§§§§§§§§§§§§§", "whsec_c2hvcnQ=", "short"])
    await assert.rejects(deliverCallback({ ...deps, secret: () => Promise.resolve(secret) }, once), { code: "secret_unavailable" }, JSON.stringify(secret));
  assert.equal(received.length, 0, "nothing leaves under a key that everybody has");
  await assert.rejects(deliverCallback(deps, once), { code: "surface_unavailable" });
  await deliverCallback(deps, once);
  await deliverCallback(deps, once); // it has arrived: nothing more is sent
  assert.equal(received.length, 2);
  const { headers, body } = received[1]!;
  const expected = createHmac("sha256", KEY)
    .update(`${call.id}.${String(headers["webhook-timestamp"])}.${body}`)
    .digest("base64");
  assert.deepEqual([headers["webhook-id"], headers["webhook-signature"], JSON.parse(body).output], [call.id, `v1,${expected}`, { text: "all good" }]);
  const isGenuine = await documentedCheck(t);
  const secret = `whsec_${KEY.toString("base64")}`;
  const nowMs = engine.clock.nowMs();
  assert.equal(isGenuine({ headers, body, secret, nowMs }), true);
  assert.deepEqual(
    [{ body: `${body} ` }, { secret: "another-secret-of-the-test" }, { nowMs: nowMs + 301_000 }].map((other) =>
      isGenuine({ headers, body, secret, nowMs, ...other }),
    ),
    [false, false, false],
  );
  for (const url of ["http://169.254.169.254/latest", "http://127.0.0.1:1/x", "https://127.0.0.1:1/x", "https://[::1]/x"]) {
    await assert.rejects(sendCallback({ url, headers: {}, body: "", hosts: [], signal: once.signal }), { name: "LoopError" }, url);
  }
  const ended = await requireRun(db, call.runId!);
  await inTransaction(db, async (tx) => enqueueAfter(queue)(ended)?.(tx));
  assert.deepEqual(jobs, after, "nobody waits for a result any more");
  const { callsBack: _, ...asBefore } = ended.brief;
  await inTransaction(db, async (tx) => enqueueAfter(queue)({ ...ended, brief: asBefore })!(tx)); // one of an older version is looked up
  assert.deepEqual(jobs, after);
  assert.equal(enqueueAfter(queue)({ ...ended, brief: { ...ended.brief, callsBack: false } }), undefined, "nothing comes after a call that calls nobody back");
  await inTransaction(db, async (tx) => enqueueAfter(queue)({ ...ended, ticketId: "tkt_a" as TicketId, brief: {} })?.(tx));
  assert.deepEqual(jobs, [...after, { name: "learn", runId: call.runId }]);
  const { rows } = await sql<{ state: string }>`select callback_state as state from service_calls`.execute(db);
  assert.deepEqual(rows, [{ state: "sent" }]);
});

/** What docs/services.md gives to whoever receives results. */
async function documentedCheck(t: TestContext): Promise<(given: object) => boolean> {
  const [, source = ""] = /```js\n([^]*?)```/.exec(await readFile(join(import.meta.dirname, "..", "docs", "services.md"), "utf8")) ?? [];
  const folder = await mkdtemp(join(tmpdir(), "loopwright-docs-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "check.mjs"), source);
  return ((await import(pathToFileURL(join(folder, "check.mjs")).href)) as { isGenuine: (given: object) => boolean }).isGenuine;
}
