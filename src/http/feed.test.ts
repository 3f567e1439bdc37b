import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import http from "node:http";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { append } from "#src/journal/store/append.ts";
import { sealOnce } from "#src/journal/seal.ts";
import { signerOf } from "#src/journal/signing.ts";
import { registerKey } from "#src/journal/store/keys.ts";
import { revokeToken } from "#src/people/token.ts";
import { httpFixture, type HttpFixture, type Person, type Wire } from "./http-fixture.ts";
import { type Listening, listenHttp } from "./listen.ts";

interface Item {
  readonly id?: string;
  readonly event?: string;
  readonly data?: Wire;
}

interface Following extends Fixture {
  readonly listening: Listening;
  journal(kinds: readonly string[], more?: { ticketId?: `tkt_${string}`; payload?: string }): Promise<void>;
}
type Fixture = HttpFixture;

async function following(t: TestContext, limits = {}): Promise<Following> {
  const fixture = await httpFixture(t, { limits: { feedPollMs: 5, feedCheckMs: 20, feedBeatMs: 60_000, ...limits } });
  const { db, clock, app } = fixture;
  const signer = signerOf(generateKeyPairSync("ed25519").privateKey);
  await registerKey(db, { keyId: signer.keyId, publicKey: signer.publicKey, host: "test" });
  const listening = await listenHttp(app, { host: "127.0.0.1", port: 0 });
  t.after(() => listening.close());
  return {
    ...fixture,
    listening,
    async journal(kinds, { ticketId, payload = "x" } = {}) {
      await append(
        db,
        clock,
        kinds.map((kind) => ({ kind, actor: "system", payload: { said: payload }, ...(ticketId ? { ticketId } : {}) })),
      );
      await sealOnce(db, signer);
    },
  };
}

/** Reads one stream; `until` gives what came once there are so many events, or all of it once it has ended. */
async function read({ listening }: Following, { as, path = "/v1/feed", headers = {} }: { as: Person; path?: string; headers?: Record<string, string> }) {
  const request = http.get(`${listening.url}${path}`, { headers: { authorization: `Bearer ${as.token}`, ...headers } });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const items: Item[] = [];
  let rest = "";
  response.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (rest + chunk).split("\n\n");
    rest = parts.pop()!;
    for (const part of parts) items.push(itemOf(part));
    response.emit("items");
  });
  response.on("error", () => undefined);
  return {
    response,
    items,
    async until(count: number): Promise<Item[]> {
      while (items.filter(({ data }) => data !== undefined).length < count) await once(response, "items");
      return items.filter(({ data }) => data !== undefined);
    },
    async ended(): Promise<Item[]> {
      if (!response.readableEnded && !response.destroyed) await once(response, "close");
      return items;
    },
    leave: () => request.destroy(),
  };
}

function itemOf(part: string): Item {
  const fields = part.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]);
  const { id, event, data } = Object.fromEntries(fields) as Record<string, string>;
  return {
    ...(id === undefined ? {} : { id }),
    ...(event === undefined ? {} : { event }),
    ...(data === undefined ? {} : { data: JSON.parse(data) as unknown }),
  };
}

const kindsOf = (items: readonly Item[]): unknown[] => items.map(({ data }) => data.kind);

test("the journal is read in pages by position, with filters", async (t) => {
  const fixture = await following(t);
  const vera = await fixture.person("vera", ["viewer"]);
  const { id: ticketId, runId } = await fixture.ticket();
  await fixture.journal(["a.done", "b.done", "c.done"]);
  const { body } = await fixture.call("GET /v1/journal?limit=1000", { as: vera });
  const positions = body.events.map(({ position }: { position: number }) => position);
  assert.deepEqual(
    positions,
    positions.map((_: number, index: number) => index + 1),
  );
  assert.equal(body.nextAfter, positions.at(-1));
  const page = await fixture.call(`GET /v1/journal?after=${body.nextAfter - 2}&limit=1`, { as: vera });
  assert.deepEqual([kindsOf(page.body.events.map((data: unknown) => ({ data }))), page.body.nextAfter], [["b.done"], body.nextAfter - 1]);
  assert.deepEqual(
    (await fixture.call("GET /v1/journal?kind=a.done&kind=c.done", { as: vera })).body.events.map(({ kind }: { kind: string }) => kind),
    ["a.done", "c.done"],
  );
  assert.deepEqual(
    (await fixture.call(`GET /v1/tickets/${ticketId}/events`, { as: vera })).body.events.map(({ kind }: { kind: string }) => kind),
    ["ticket.opened", "run.queued"],
  );
  assert.deepEqual(
    (await fixture.call(`GET /v1/journal?run=${runId}`, { as: vera })).body.events.map(({ kind }: { kind: string }) => kind),
    ["run.queued"],
  );
});

test("a reader gets what comes, each event once and in order, and goes on where it was after a break", async (t) => {
  const fixture = await following(t);
  const vera = await fixture.person("vera", ["viewer"]);
  await fixture.journal(["past.done"]);
  const first = await read(fixture, { as: vera });
  assert.deepEqual(
    [first.response.statusCode, first.response.headers["content-type"], first.response.headers["x-content-type-options"]],
    [200, "text/event-stream; charset=utf-8", "nosniff"],
  );
  await fixture.journal(["a.done", "b.done"]);
  const [a, b] = await first.until(2);
  assert.deepEqual([a?.data.kind, b?.data.kind, Number(b?.id) - Number(a?.id)], ["a.done", "b.done", 1]);
  assert.deepEqual(Object.keys(b?.data), ["position", "kind", "at", "actor", "runId", "ticketId", "payload"]);
  first.leave();

  await fixture.journal(["c.done"]);
  const second = await read(fixture, { as: vera, headers: { "last-event-id": a!.id! } });
  await fixture.journal(["d.done"]);
  assert.deepEqual(kindsOf(await second.until(3)), ["b.done", "c.done", "d.done"]);
  second.leave();
});

test("a reader from the beginning catches up over many pages while events go on, and misses none", async (t) => {
  const fixture = await following(t);
  const vera = await fixture.person("vera", ["viewer"]);
  const many = Array.from({ length: 450 }, (_, index) => `n${index}.done`);
  await fixture.journal(many);
  const reader = await read(fixture, { as: vera, path: "/v1/feed?after=0" });
  await fixture.journal(["late.done"]);
  const items = (await reader.until(452)).filter(({ data }) => data.kind !== "token.created");
  assert.deepEqual(kindsOf(items), [...many, "late.done"]);
  reader.leave();
});

test("a filtered reader gets its events only, live and from the past, and its position moves with all", async (t) => {
  const fixture = await following(t, { feedBeatMs: 10 });
  const vera = await fixture.person("vera", ["viewer"]);
  const { id: ticketId } = await fixture.ticket();
  await fixture.journal(["x.done", "y.done"]);
  const ofTicket = await read(fixture, { as: vera, path: `/v1/feed?after=0&ticket=${ticketId}` });
  const ofKind = await read(fixture, { as: vera, path: "/v1/feed?kind=y.done" });
  const ofNothing = await read(fixture, { as: vera, path: "/v1/feed?after=0&kind=never.done" });
  assert.deepEqual(kindsOf(await ofTicket.until(2)), ["ticket.opened", "run.queued"]);
  await fixture.journal(["y.done", "z.done"], { ticketId });
  assert.deepEqual(kindsOf(await ofTicket.until(4)), ["ticket.opened", "run.queued", "y.done", "z.done"]);
  assert.deepEqual(kindsOf(await ofKind.until(1)), ["y.done"]);
  const head = Number((await ofTicket.until(4)).at(-1)?.id);
  for (const reader of [ofKind, ofNothing]) {
    while (Number(reader.items.at(-1)?.id) !== head) await once(reader.response, "items"); // a beat carries it
  }
  for (const reader of [ofTicket, ofKind, ofNothing]) reader.leave();
});

test("a position that the journal has not reached is refused instead of waited for", async (t) => {
  const fixture = await following(t);
  const vera = await fixture.person("vera", ["viewer"]);
  assert.deepEqual((await fixture.call("GET /v1/feed?after=999", { as: vera })).body.errors[0].field, "query.after");
  assert.deepEqual((await fixture.call("GET /v1/feed", { as: vera, headers: { "last-event-id": "x" } })).body.errors[0].field, "headers.last-event-id");
});

test("the stream of a revoked token is cut, and that of another goes on", async (t) => {
  const fixture = await following(t);
  const [vera, rui] = [await fixture.person("vera", ["viewer"]), await fixture.person("rui", ["viewer"])];
  await fixture.journal(["past.done"]);
  const [cut, kept] = [await read(fixture, { as: vera }), await read(fixture, { as: rui })];
  await revokeToken(fixture.db, fixture.clock, { tokenId: vera.tokenId, by: "system" });
  const last = (await cut.ended()).at(-1);
  assert.deepEqual([last?.event, last?.data.code, typeof last?.data.resumeAfter], ["end", "credential_invalid", "number"]);
  await fixture.journal(["after.done"]);
  assert.ok(kindsOf(await kept.until(2)).includes("after.done"));
  kept.leave();
});

test("a reader that takes nothing is dropped with little kept for it, while others get everything", async (t) => {
  const fixture = await following(t, { feedStallMs: 50 });
  const vera = await fixture.person("vera", ["viewer"]);
  await fixture.journal(["past.done"]);
  const [stuck, quick] = [await read(fixture, { as: vera }), await read(fixture, { as: vera })];
  stuck.response.pause();
  const payload = "x".repeat(60_000);
  for (let round = 0; round < 20; round += 1)
    await fixture.journal(
      Array.from({ length: 10 }, () => "big.done"),
      { payload },
    ); // 12 MB: more than the sockets hold
  assert.equal((await quick.until(200)).length, 200);
  stuck.response.resume();
  const last = (await stuck.ended()).at(-1);
  assert.deepEqual([last?.event, last?.data.code], ["end", "reader_too_slow"]);
  const seen = stuck.items.filter(({ data, event }) => data && !event).length;
  assert.ok(seen < 200);
  const again = await read(fixture, { as: vera, path: `/v1/feed?after=${last?.data.resumeAfter}` });
  assert.equal((await again.until(200 - seen)).length, 200 - seen);
  quick.leave();
  again.leave();
});

test("closing the server ends the streams and says so", async (t) => {
  const fixture = await following(t);
  const reader = await read(fixture, { as: await fixture.person("vera", ["viewer"]) });
  await fixture.listening.close();
  const last = (await reader.ended()).at(-1);
  assert.deepEqual([last?.event, last?.data.code], ["end", "server_stopping"]);
});
