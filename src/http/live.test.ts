import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import type { ActId, RunId } from "#src/kernel/ids.ts";
import { newId } from "#src/kernel/ids.ts";
import { revokeToken } from "#src/people/token.ts";
import { createLiveText, type Speech } from "#src/runs/live-text.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { httpFixture, type HttpFixture, type Person, type Wire } from "./http-fixture.ts";
import { type Listening, listenHttp } from "./listen.ts";

interface Watching extends HttpFixture {
  readonly listening: Listening;
  readonly runId: RunId;
  readonly actId: ActId;
  readonly speech: Speech;
  /** Writes what was said until now. */
  flush(): Promise<void>;
  move(state: string): Promise<void>;
}

async function watching(t: TestContext): Promise<Watching> {
  const fixture = await httpFixture(t, { limits: { feedPollMs: 5, feedCheckMs: 20, feedBeatMs: 60_000 } });
  const { db, clock, app } = fixture;
  const listening = await listenHttp(app, { host: "127.0.0.1", port: 0 });
  t.after(() => listening.close());
  const { runId } = await fixture.ticket();
  const live = createLiveText({ db, log: silentLog });
  const actId = newId("act", clock.nowMs());
  return {
    ...fixture,
    listening,
    runId,
    actId,
    speech: live.speak({ runId, actId, attempt: 1 }),
    flush: () => live.stop(),
    move: async (state) => void (await sql`update runs set state = ${state}, due = null where id = ${runId}`.execute(db)),
  };
}

async function watch({ listening, runId }: Watching, as: Person) {
  const request = http.get(`${listening.url}/v1/runs/${runId}/live`, { headers: { authorization: `Bearer ${as.token}` } });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  let text = "";
  response.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    response.emit("more");
  });
  response.on("error", () => undefined);
  const blocks = (): Wire[] =>
    text
      .split("\n\n")
      .filter((block) => block.includes("data: "))
      .map((block) => JSON.parse(block.slice(block.indexOf("data: ") + 6)) as Wire);
  return {
    type: response.headers["content-type"],
    async until(count: number): Promise<Wire[]> {
      while (blocks().length < count) await once(response, "more");
      return blocks();
    },
    async ended(): Promise<Wire> {
      if (!response.readableEnded && !response.destroyed) await once(response, "close");
      assert.match(text, /\nevent: end\n/);
      return blocks().at(-1);
    },
  };
}

test("one who watches a run gets the text so far, then what is added, and the end when the run parks", async (t) => {
  const fixture = await watching(t);
  const { speech, actId: act, flush, move } = fixture;
  const vera = await fixture.person("vera", ["viewer"]);
  speech.onText("The pump ");
  await flush();
  const stream = await watch(fixture, vera);
  assert.equal(stream.type, "text/event-stream; charset=utf-8");
  assert.deepEqual(await stream.until(1), [{ act, text: "The pump ", begins: true }]);
  speech.onText("is\nin the cellar.");
  await flush();
  assert.deepEqual((await stream.until(2))[1], { act, text: "is\nin the cellar.", begins: false });
  speech.end();
  await flush();
  assert.deepEqual((await stream.until(3))[2], { act, ends: true });
  await move("waiting");
  assert.deepEqual(await stream.ended(), { code: "run_parked", state: "waiting" });
});

test("a run that has ended ends the stream at once; a run that nobody knows and a caller without the right are refused", async (t) => {
  const fixture = await watching(t);
  const vera = await fixture.person("vera", ["viewer"]);
  await fixture.move("done");
  assert.deepEqual(await (await watch(fixture, vera)).ended(), { code: "run_ended", state: "done" });
  assert.equal((await fixture.call(`GET /v1/runs/run_${"0".repeat(32)}/live`, { as: vera })).status, 404);
  const scoped = await fixture.person("scoped", ["viewer"], { scopes: ["asks:answer"] });
  assert.equal((await fixture.call(`GET /v1/runs/${fixture.runId}/live`, { as: scoped })).status, 403);
  assert.equal((await fixture.call(`GET /v1/runs/${fixture.runId}/live`)).status, 401);
});

test("a token that is revoked ends its streams, and a server that stops says so", async (t) => {
  const fixture = await watching(t);
  const [vera, otto] = [await fixture.person("vera", ["viewer"]), await fixture.person("otto", ["viewer"])];
  const [first, second] = [await watch(fixture, vera), await watch(fixture, otto)];
  await revokeToken(fixture.db, fixture.clock, { tokenId: vera.tokenId, by: otto.principal.id });
  assert.deepEqual(await first.ended(), { code: "credential_invalid" });
  await fixture.app.close();
  assert.deepEqual(await second.ended(), { code: "server_stopping" });
});
