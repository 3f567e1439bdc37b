import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabase } from "#src/testing/database.ts";
import { gateway, invoke, offered, serverFile, stateOf, until } from "#src/testing/mcp-gateway.ts";

const READ = { effect: "read", outbound: false, private: false };

test("a server that ends in the middle of a call is started again for the next; only what may be repeated is tried twice", async (t) => {
  const { db } = await testDatabase(t);
  const tools = gateway(t, db, { server: serverFile({ tools: { echo: READ } }) });
  const die = await offered(tools, "test.die");
  await assert.rejects(invoke(die), { code: "tool_failed", message: /broke off: it ended with exit code 3\. Whether it did what it was asked is not known\./ });
  assert.deepEqual(await invoke(await offered(tools, "test.echo"), { text: "again" }), { text: "again" });
});

test("an answer with another id and a second answer change nothing", async (t) => {
  const { db } = await testDatabase(t);
  const tools = gateway(t, db);
  assert.deepEqual(await invoke(await offered(tools, "test.other-id")), { text: "for you" });
  assert.deepEqual(await invoke(await offered(tools, "test.twice")), { text: "first" });
  assert.deepEqual(await invoke(await offered(tools, "test.echo"), { text: "still here" }), { text: "still here" });
});

test("a call that is never answered ends at the time limit while others go on, and a run that stops takes its call along", async (t) => {
  const { db } = await testDatabase(t);
  const tools = gateway(t, db, { server: serverFile({ limits: { timeout: "1s", concurrency: 2 } }) });
  const hang = await offered(tools, "test.hang");
  const waiting = assert.rejects(invoke(hang), { code: "tool_failed", message: /gave no answer within 1 s\. Whether it did what it was asked is not known\./ });
  assert.deepEqual(await invoke(await offered(tools, "test.echo"), { text: "meanwhile" }), { text: "meanwhile" });
  await waiting;
  const stop = new AbortController();
  const stopped = assert.rejects(invoke(hang, {}, stop.signal), { code: "tool_failed", message: /was stopped/ });
  stop.abort();
  await stopped;
});

test("a server that writes without end to its standard error works as ever", async (t) => {
  const { db } = await testDatabase(t);
  const tools = gateway(t, db, { server: serverFile({ from: { env: { HOW: "flood" } } }) });
  assert.deepEqual(await invoke(await offered(tools, "test.echo"), { text: "heard" }), { text: "heard" });
});

test("a server that floods with messages, or with one that is too large, is ended and says why", async (t) => {
  const { db } = await testDatabase(t);
  const tools = gateway(t, db);
  await assert.rejects(invoke(await offered(tools, "test.flood")), { code: "tool_failed", message: /wrote more than 2000 messages in a second/ });
  const huge = gateway(t, db, { server: serverFile({ name: "huge", from: { env: { HOW: "huge" } } }) });
  await huge.refresh();
  await until(() => stateOf(huge, "huge.*")?.includes("a message of more than 4194304 bytes"));
  assert.deepEqual(huge.list(), []);
});

test("a server that is dead, mute or not there leaves its tools unoffered and is left alone for longer and longer, with the reason", async (t) => {
  const { db } = await testDatabase(t);
  const cases = {
    dead: { from: { env: { HOW: "dead" } }, why: /it ended with exit code 4/ },
    mute: { from: { env: { HOW: "mute" } }, limits: { timeout: "200ms" }, why: /it gave no answer in time/ },
    missing: { from: { command: ["/no/such/program"] }, why: /the program is not there/ },
  };
  for (const [name, { why, ...more }] of Object.entries(cases)) {
    const tools = gateway(t, db, { server: serverFile({ name, ...more }) });
    const reason = await until(async () => {
      await tools.refresh();
      const said = stateOf(tools, `${name}.*`);
      return said?.startsWith("the server is left alone for a while") ? said : undefined;
    });
    assert.match(reason, why);
    assert.deepEqual(tools.list(), []);
  }
});

test("a server that was pinned and is gone says so at the call, and its tools are offered no more while it is left alone", async (t) => {
  const { db } = await testDatabase(t);
  await offered(gateway(t, db), "test.echo");
  const gone = gateway(t, db, { server: serverFile({ from: { env: { HOW: "dead" } } }) });
  await gone.refresh();
  const echo = gone.list().find(({ name }) => name === "test.echo")!;
  for (let round = 0; round < 3; round += 1)
    await assert.rejects(invoke(echo), {
      code: "tool_failed",
      message: /The tool server test cannot be asked: it ended with exit code 4\. Nothing was done\./,
    });
  assert.deepEqual(gone.list(), []);
  await assert.rejects(invoke(echo), { message: /failed again and again and is left alone for \d+ s more/ });
  assert.match(stateOf(gone, "test.echo") ?? "", /^its server is left alone for a while: it ended with exit code 4/);
});

test("of a server that lists more tools than are taken the first are offered, and the rest is told", async (t) => {
  const { db } = await testDatabase(t);
  const tools = gateway(t, db, { server: serverFile({ limits: { maxTools: 20 }, from: { env: { HOW: "many" } } }) });
  await offered(tools, "test.echo");
  assert.equal(tools.list().length, 20);
  assert.equal(stateOf(tools, "test.*"), "the server lists more than 20 tools; those beyond are not offered");
});
