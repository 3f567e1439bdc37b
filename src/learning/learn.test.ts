import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { listItems } from "#src/brain/store/list-items.ts";
import { findReceipt } from "#src/evidence/store/receipts.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { testDatabase } from "#src/testing/database.ts";
import { drain } from "#src/testing/engine.ts";
import { receive } from "#src/testing/desk.ts";
import { learnFrom, learnFromResolved } from "./learn.ts";
import { type House, house, resolveRest, resolveTicket } from "./learning-fixture.ts";
import { selectProposals } from "./store/read-proposals.ts";
import { unlearnedRuns } from "./store/unlearned.ts";

const DAY_MS = 86_400_000;
const LEAK = { sender: "tanaka@guest.example", text: "The boiler is dripping on the floor since noon, please help", labels: { property: "machiya" } };
const LEAK_AGAIN = { sender: "silva@guest.example", text: "Good evening! Our boiler is dripping again near the door", labels: { property: "machiya" } };

async function start(t: TestContext): Promise<House & Awaited<ReturnType<typeof testDatabase>>> {
  const database = await testDatabase(t);
  const built = await house(database.db);
  built.drafts({ vendor: "kamo", costUsd: 90, etaMinutes: 45 });
  return { ...database, ...built };
}

const proposals = (db: House["engine"]["db"]) => selectProposals(db, { limit: 10 });

test("a resolved ticket writes one lesson of facts, however often it is learned from, and with no other word of the reporter", async (t) => {
  const { db, engine } = await start(t);
  const { ticketId, runId } = await resolveTicket(engine, LEAK);
  const first = await learnFrom(engine, runId);
  const [again, third] = await Promise.all([learnFrom(engine, runId), learnFrom(engine, runId)]);
  const lessonId = `lsn_${runId.slice(4)}`;
  assert.deepEqual(
    [first, again, third],
    [
      { kind: "learned", lessonId, isNew: true, proposalId: null },
      { kind: "learned", lessonId, isNew: false, proposalId: null },
      { kind: "learned", lessonId, isNew: false, proposalId: null },
    ],
  );
  const lessons = await listItems(db, { layers: ["lesson"], scopes: ["workspace"], limit: 10 });
  assert.equal(lessons.length, 1);
  const { digest: _digest, happenedAtMs: _when, ...lesson } = lessons[0]!;
  assert.deepEqual(lesson, {
    id: lessonId,
    layer: "lesson",
    source: ticketId,
    title: "#1: Water where it should not be, Kyoto town house",
    body: [
      "Water where it should not be (leak), property=machiya, severity 3.",
      "Sent to Kamo Works (kamo) for about $90, expected within 45 minutes; policy allowed it.",
      "Done in this order: dispatch, reporter.",
      "The system checked that it was done.",
      "Words that named it: dripping.",
    ].join("\n"),
    phrases: [],
    data: {
      ticket: ticketId,
      run: runId,
      receipt: (await findReceipt(db, runId))!.digest,
      category: "leak",
      vendor: "kamo",
      costUsd: 90,
      etaMinutes: 45,
      severity: 3,
      acts: ["dispatch", "reporter"],
      checked: "passed",
    },
    labels: { property: "machiya" },
    categories: ["leak"],
    scope: "workspace",
    trust: "learned",
    author: "agent:desk",
    language: "en",
    expiresAtMs: null,
  });
  const { rows } = await sql<{ count: number }>`select count(*) as count from events where kind = 'lesson.learned'`.execute(db);
  assert.deepEqual(rows, [{ count: 1 }]);
});

test("nothing is learned while a ticket is open, and the sweep finds what was resolved and not learned from", async (t) => {
  const { db, engine } = await start(t);
  const open = await receive(engine, LEAK);
  await drain(engine);
  assert.deepEqual(await learnFrom(engine, open.runId), { kind: "nothing", why: "the ticket is dispatched, the run waiting" });
  const { ticketId, runId } = await resolveTicket(engine, LEAK_AGAIN);
  assert.deepEqual(await unlearnedRuns(db, { after: "", limit: 10 }), [{ ticketId, runId }]);
  assert.equal(await learnFromResolved(engine), 1);
  assert.deepEqual(await unlearnedRuns(db, { after: "", limit: 10 }), []);
  assert.equal(await learnFromResolved(engine), 0);
});

test("a crash after the lesson and before the skill was looked at is made up for by the sweep", async (t) => {
  const { db, engine } = await start(t);
  await resolveTicket(engine, LEAK);
  const { ticketId } = await resolveTicket(engine, LEAK_AGAIN);
  await learnFromResolved(engine);
  await sql`delete from proposals`.execute(db);
  await sql`update resolved_cases set considered_at = null where ticket_id = ${ticketId}`.execute(db); // as it is between the two commits
  await learnFromResolved(engine);
  assert.equal((await proposals(db)).length, 1);
  assert.equal((await listItems(db, { layers: ["lesson"], scopes: ["workspace"], limit: 10 })).length, 2);
});

test("two reporters on one day make a skill draft that says what both had in common", async (t) => {
  const { db, engine, drafts } = await start(t);
  const first = await resolveTicket(engine, LEAK);
  drafts({ vendor: "kamo", costUsd: 110.5, etaMinutes: 60 });
  const second = await resolveTicket(engine, LEAK_AGAIN);
  await learnFrom(engine, first.runId);
  const learned = await learnFrom(engine, second.runId);
  const [proposal, ...more] = await proposals(db);
  assert.deepEqual(more, []);
  assert.equal(learned.kind === "learned" && learned.proposalId, proposal!.id);
  const day = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Tokyo" }).format(new Date((await requireTicket(db, first.ticketId)).resolvedAtMs!));
  const [markdown, yaml] = proposal!.files;
  assert.equal(yaml!.path, "skills/handle-leak/skill.yaml");
  assert.equal(
    yaml!.text,
    `apiVersion: loopwright.dev/v1
kind: Skill
category: leak
triggers:
  phrases:
    - dripping
  labels:
    property: machiya
inputs:
  - property
steps:
  - act: brain.search
    note: What is known of this place and of cases like it.
  - act: dispatch
    note: To Kamo Works.
  - act: reporter
    note: Is it dry now?
preferredVendors:
  - kamo
costCapUsd: 111
costEstimateUsd: 100.25
etaMinutes: 53
approval:
  severityAtOrAbove: 3
  risks: []
  approvers:
    roles:
      - approver
      - admin
      - owner
    names: []
check:
  by: reporter
  question: Is it dry now?
  yes: yes
  no: no
  within: 2h
sources:
  tickets:
    - ${first.ticketId}
    - ${second.ticketId}
  layers:
    - sop:brain/sops/leak.md
    - sop:brain/sops/towels.md
    - entity:brain/entities/properties.yaml#machiya
    - entity:brain/entities/vendors.yaml#kamo
  by: learning
  at: 2026-01-01T00:00:00.000Z
`,
  );
  assert.match(markdown!.text, /^---\nname: handle-leak\ndescription: /);
  assert.match(markdown!.text, /1\. `brain\.search`.*\n2\. `dispatch`: To Kamo Works\.\n3\. `reporter`/);
  const { state, kind, reason, author, test: tested } = proposal!;
  assert.deepEqual(
    { state, kind, author, passed: tested!.passed, reason },
    {
      state: "open",
      kind: "skill",
      author: "system",
      passed: true,
      reason: `Resolved twice the same way: #1 on ${day} and #2 on ${day}, by Kamo Works (kamo), with dispatch, reporter.`,
    },
  );
});

test("one reporter on one day is no second time; on another day, in the time zone of the workspace, it is", async (t) => {
  const { db, engine, advance } = await start(t);
  await advance(msToNoonInTokyo(await databaseNowMs(db)));
  await resolveTicket(engine, LEAK);
  await resolveTicket(engine, { ...LEAK, text: "and now the boiler is dripping in the bath as well" });
  await learnFromResolved(engine);
  assert.deepEqual(await proposals(db), []);
  await advance(10 * 3_600_000); // ten in the evening in Tokyo, another day in no place east of Greenwich
  await resolveTicket(engine, { ...LEAK, text: "the boiler is dripping a third time" });
  await learnFromResolved(engine);
  assert.deepEqual(await proposals(db), []);
  await advance(3 * 3_600_000); // after midnight there, the same day in UTC
  await resolveTicket(engine, { ...LEAK, text: "the boiler is dripping a fourth time" });
  await learnFromResolved(engine);
  assert.deepEqual(
    (await proposals(db)).map((proposal) => [proposal.kind, proposal.sources.vendor]),
    [["skill", "kamo"]],
  );
});

async function databaseNowMs(db: House["engine"]["db"]): Promise<number> {
  const { rows } = await sql<{ at: Date }>`select loop_now() as at`.execute(db);
  return rows[0]!.at.getTime();
}

const msToNoonInTokyo = (nowMs: number): number => (3 * 3_600_000 - (nowMs % DAY_MS) + DAY_MS) % DAY_MS;

test("another vendor, another order of acts, or an escalation is another way and makes no pair", async (t) => {
  const { db, engine, drafts, advance } = await start(t);
  await resolveTicket(engine, LEAK);
  drafts({ vendor: "sari", costUsd: 90, etaMinutes: 45 });
  await resolveTicket(engine, LEAK_AGAIN);
  drafts({ vendor: "kamo", costUsd: 90, etaMinutes: 45 });
  const { ticketId, runId } = await receive(engine, { ...LEAK_AGAIN, sender: "lee@guest.example" });
  await drain(engine);
  await advance(2 * 3_600_000); // nobody of Kamo Works says a word
  await drain(engine);
  await resolveRest(engine, ticketId);
  assert.equal((await learnFrom(engine, runId)).kind, "learned");
  await learnFromResolved(engine);
  const lesson = (await listItems(db, { layers: ["lesson"], scopes: ["workspace"], limit: 10 })).find((known) => known.source === ticketId);
  assert.deepEqual(lesson!.data["acts"], ["dispatch", "escalation", "reporter"]);
  assert.match(lesson!.body, /What was drafted was not what resolved it\./);
  assert.deepEqual(await proposals(db), []);
});

test("of two tickets that are learned from at the same moment, one proposes, once", async (t) => {
  const { db, engine } = await start(t);
  const [a, b] = [await resolveTicket(engine, LEAK), await resolveTicket(engine, LEAK_AGAIN)];
  await Promise.all([learnFrom(engine, a.runId), learnFrom(engine, b.runId), learnFrom(engine, a.runId), learnFrom(engine, b.runId)]);
  const { rows } = await sql<{
    kind: string;
    count: number;
  }>`select kind, count(*) as count from events where kind in ('lesson.learned', 'proposal.opened') group by kind order by kind`.execute(db);
  assert.deepEqual(rows, [
    { kind: "lesson.learned", count: 2 },
    { kind: "proposal.opened", count: 1 },
  ]);
  assert.equal((await proposals(db)).length, 1);
});
