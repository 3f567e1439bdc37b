import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { answerAsk } from "#src/asks/answer.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { findReceipt } from "#src/evidence/store/receipts.ts";
import { verifyReceipt } from "#src/evidence/verify-receipt.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { testDatabase } from "#src/testing/database.ts";
import { deskEngine, receive, WORKSPACES_FOLDER } from "#src/testing/desk.ts";
import { drain, memorySurface } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import type { Engine } from "../engine.ts";
import { readState } from "../store/state.ts";

const INES = { id: "prn_ines" as const, handle: "ines", roles: ["owner"] as const };

interface Sample {
  readonly sender: string;
  readonly language?: string;
  readonly labels?: Record<string, string>;
  readonly externalId: string;
  readonly text: string;
  readonly expect: {
    readonly category: string;
    readonly severity: number;
    readonly risks: string[];
    readonly memos?: string[];
    readonly history?: string[];
    readonly vendor: string | null;
    readonly assignee: string | null;
    readonly costUsd: number | null;
    readonly outcome: "held" | "authorised";
    readonly rule: string;
    readonly demands: string[];
  };
}

async function samplesOf(workspace: string): Promise<Sample[]> {
  const folder = join(WORKSPACES_FOLDER, workspace, "samples");
  return Promise.all((await readdir(folder)).toSorted().map(async (name) => parse(await readFile(join(folder, name), "utf8")) as Sample));
}

for (const workspace of ["warm-stays", "bakery"]) {
  test(`every sample message of ${workspace} is understood, recalled, drafted and gated as it says, without a model`, async (t) => {
    const { db } = await testDatabase(t);
    const engine = await deskEngine({ db, clock: heldClock(), workspace, surfaces: [memorySurface("outbox")] });
    for (const sample of await samplesOf(workspace)) {
      const { sender, text, externalId, language, labels } = sample;
      const { ticketId, runId } = await receive(engine, { sender, text, externalId, ...(language ? { language } : {}), ...(labels ? { labels } : {}) });
      await drain(engine);
      const ticket = await requireTicket(db, ticketId);
      const { acts, messages } = await readState(db, runId);
      const dispatch = acts.find((act) => act.name === "dispatch");
      const decision = dispatch?.decision as { outcome: string; rule: string; matched: string[] };
      const { hits } = acts.find((act) => act.name === "brain.search")!.result as { hits: { source: string; id: string }[] };
      const { category, severity, risks, vendor, costUsd, by } = ticket.triage!;
      const { expect } = sample;
      assert.deepEqual(
        {
          category,
          severity,
          risks: risks?.toSorted(),
          vendor,
          costUsd,
          by,
          assignee: ticket.assignee,
          outcome: dispatch?.state === "asked" ? "held" : "authorised",
        },
        {
          category: expect.category,
          severity: expect.severity,
          risks: expect.risks.toSorted(),
          vendor: expect.vendor,
          costUsd: expect.costUsd,
          by: "rules",
          assignee: expect.assignee,
          outcome: expect.outcome,
        },
        externalId,
      );
      assert.ok(decision.matched.includes(expect.rule), `${externalId}: ${expect.rule} is not among ${decision.matched.join(", ")}`);
      for (const demand of expect.demands) assert.ok(decision.matched.includes(demand), `${externalId}: ${demand} is not among ${decision.matched.join(", ")}`);
      for (const memo of expect.memos ?? [])
        assert.ok(
          hits.some((hit) => hit.source.includes(memo)),
          `${externalId}: the memo ${memo} was not recalled`,
        );
      for (const closed of expect.history ?? [])
        assert.ok(
          hits.some((hit) => hit.id.includes(closed)),
          `${externalId}: the case ${closed} was not recalled: ${hits.map((hit) => hit.id).join(" ")}`,
        );
      assert.ok(messages.filter((message) => message.role === "thought").every((message) => message.source === "rules"));
    }
  });
}

async function answerAll(engine: Engine, answers: Readonly<Record<string, string>>): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    await drain(engine);
    const asks = await openAsks(engine.db);
    const ask = asks.find((known) => answers[known.purpose] !== undefined);
    if (!ask) return seen;
    seen.push(ask.purpose);
    await answerAsk(engine.db, engine.clock, { askId: ask.id, person: INES, answer: answers[ask.purpose]!, face: "test" });
  }
}

test("a dangerous leak is held for a person, dispatched, acknowledged, checked with the reporter, and resolved with a receipt", async (t) => {
  const { db } = await testDatabase(t);
  const outbox = memorySurface("outbox");
  const engine = await deskEngine({ db, clock: heldClock(), workspace: "warm-stays", surfaces: [outbox] });
  const [sample] = (await samplesOf("warm-stays")).filter((known) => known.externalId === "sample-aircon-near-socket-zh");
  const { ticketId } = await receive(engine, { sender: sample!.sender, text: sample!.text, labels: sample!.labels! });
  await drain(engine);
  assert.equal((await requireTicket(db, ticketId)).status, "awaiting_human");
  assert.equal(outbox.posted.size, 0);
  assert.deepEqual(await answerAll(engine, { act: "approve", acknowledgement: "acknowledged", resolution: "done", check: "yes" }), [
    "act",
    "acknowledgement",
    "resolution",
    "check",
  ]);
  const ticket = await requireTicket(db, ticketId);
  assert.deepEqual(
    { status: ticket.status, checked: (ticket.resolution as { checked: string }).checked, posted: [...outbox.posted.values()].map((message) => message.to) },
    { status: "resolved", checked: "passed", posted: ["shun-feng-aircon", "chen.yijun@guest.example"] },
  );
  const receipt = await findReceipt(db, ticketId);
  const verified = verifyReceipt(receipt!.envelope, {
    trustedKeys: [engine.signer.publicKey],
    expectWorkspace: "warm-stays",
    expectSubject: { [`pack:${receipt!.runId}`]: receipt!.digest },
  });
  assert.equal(verified.kind, "verified", JSON.stringify(verified));
});

test("a check that the reporter denies does not resolve: the person is asked again", async (t) => {
  const { db } = await testDatabase(t);
  const engine = await deskEngine({ db, clock: heldClock(), workspace: "warm-stays", surfaces: [memorySurface("outbox")] });
  const [sample] = (await samplesOf("warm-stays")).filter((known) => known.externalId === "sample-aircon-near-socket-zh");
  const { ticketId } = await receive(engine, { sender: sample!.sender, text: sample!.text, labels: sample!.labels! });
  await drain(engine);
  for (const [purpose, answer] of [
    ["act", "approve"],
    ["acknowledgement", "acknowledged"],
    ["resolution", "done"],
    ["check", "no"],
  ] as const) {
    const ask = (await openAsks(db)).find((known) => known.purpose === purpose);
    await answerAsk(db, engine.clock, { askId: ask!.id, person: INES, answer, face: "test" });
    await drain(engine);
  }
  const [again] = await openAsks(db);
  assert.deepEqual({ purpose: again!.purpose, status: (await requireTicket(db, ticketId)).status }, { purpose: "resolution", status: "dispatched" });
  assert.match(again!.prompt, /Not resolved, the check failed/);
});

test("a dispatch that nobody acknowledges goes to the next person, and to a question when nobody is left", async (t) => {
  const { db, advance } = await testDatabase(t);
  const outbox = memorySurface("outbox");
  const engine = await deskEngine({ db, clock: heldClock(), workspace: "warm-stays", surfaces: [outbox] });
  const [towels] = (await samplesOf("warm-stays")).filter((known) => known.externalId === "sample-extra-towels-id");
  const { ticketId } = await receive(engine, { sender: towels!.sender, text: towels!.text, labels: towels!.labels! });
  await drain(engine);
  for (let round = 0; round < 6; round += 1) {
    await advance(4 * 3_600_000);
    await drain(engine);
  }
  assert.deepEqual(
    [...outbox.posted.values()].map((message) => message.to),
    ["sari-laundry", "putu", "yating", "ines"],
  );
  const asks = await openAsks(db);
  assert.deepEqual(
    asks.map((ask) => ask.purpose),
    ["stalled"],
  );
  assert.equal((await requireTicket(db, ticketId)).status, "blocked");
});

test("the same external id twice is one ticket, and another text under it is refused", async (t) => {
  const { db } = await testDatabase(t);
  const engine = await deskEngine({ db, clock: heldClock(), workspace: "warm-stays", surfaces: [] });
  const message = { sender: "guest@example.org", text: "the wifi is down", externalId: "m-1" };
  const results = await Promise.all([receive(engine, message), receive(engine, message), receive(engine, message)]);
  assert.equal(new Set(results.map((result) => result.ticketId)).size, 1);
  assert.deepEqual(results.map((result) => result.kind).toSorted(), ["created", "duplicate", "duplicate"]);
  await assert.rejects(receive(engine, { ...message, text: "the tap drips" }), { code: "delivery_conflict" });
});

test("an unknown property, an empty text and an unknown field are refused with what was expected", async (t) => {
  const { db } = await testDatabase(t);
  const engine = await deskEngine({ db, clock: heldClock(), workspace: "warm-stays", surfaces: [] });
  await assert.rejects(receive(engine, { sender: "g", text: "hello", labels: { property: "warm_taipei_2b" } }), {
    code: "input_invalid",
    message: 'There is no property "warm_taipei_2b". Did you mean warm_taipei_2br?',
  });
  await assert.rejects(receive(engine, { sender: "g", text: "  " }), /expected some text/);
  await assert.rejects(receive(engine, { sender: "", text: "x" }), /expected who sent it/);
  await assert.rejects(receive(engine, { sender: "g", text: "x", colour: "red" } as never), /colour/);
});
