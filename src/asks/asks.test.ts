import assert from "node:assert/strict";
import { test } from "node:test";
import { inTransaction } from "#src/database/open.ts";
import { type AskId, newId } from "#src/kernel/ids.ts";
import { testDatabase } from "#src/testing/database.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { answerAsk, editAsk, overrideAnswer } from "./answer.ts";
import { type Answerer, type Ask, mayAnswer, type NewAsk, verdictOf } from "./ask.ts";
import { expireDueAsks } from "./expire.ts";
import { openAsk } from "./store/open.ts";
import { requireAsk } from "./store/read.ts";

const clock = heldClock();
const person = (handle: string, ...roles: Answerer["roles"]): Answerer => ({ id: `prn_${handle}`, handle, roles });
const ANA = person("ana", "owner");
const RUI = person("rui", "approver");
const EVA = person("eva", "approver");

function ask(more: Partial<NewAsk> = {}): NewAsk {
  return {
    id: newId("ask", clock.nowMs()) as AskId,
    kind: "approval",
    purpose: "act",
    runId: null,
    actId: null,
    ticketId: null,
    prompt: "May it?",
    detail: {},
    options: ["approve", "deny"],
    approvers: { roles: ["approver", "owner"], names: [] },
    quorum: 1,
    binding: "b",
    rule: "r",
    expiry: [],
    revision: 1,
    ...more,
  };
}

const answer = (askId: string, who: Answerer, text: string) => ({ askId, person: who, answer: text, face: "test" });

test("of many answers at once exactly one settles the ask, and the others are told who won", async (t) => {
  const { db } = await testDatabase(t);
  const opened = ask();
  await openAsk(db, opened);
  const people = Array.from({ length: 12 }, (_, index) => person(`p${index}`, "approver"));
  const results = await Promise.all(people.map((who, index) => answerAsk(db, clock, answer(opened.id, who, index % 2 === 0 ? "approve" : "deny"))));
  const settled = results.filter((result) => result.kind === "settled");
  const lost = results.filter((result) => result.kind === "lost");
  const { settledBy } = await requireAsk(db, opened.id);
  assert.deepEqual(
    { settled: settled.length, lost: lost.length, told: new Set(lost.map((result) => result.settledBy)) },
    { settled: 1, lost: 11, told: new Set([settledBy]) },
  );
});

test("a quorum waits for enough people, counts each once, and one deny settles at once", async (t) => {
  const { db } = await testDatabase(t);
  const two = ask({ quorum: 2 });
  await openAsk(db, two);
  assert.deepEqual((await answerAsk(db, clock, answer(two.id, RUI, "approve"))).kind, "counted");
  assert.deepEqual((await answerAsk(db, clock, answer(two.id, RUI, "approve"))).kind, "counted");
  assert.deepEqual((await answerAsk(db, clock, answer(two.id, EVA, "approve"))).kind, "settled");
  const other = ask({ quorum: 2 });
  await openAsk(db, other);
  await answerAsk(db, clock, answer(other.id, RUI, "approve"));
  assert.equal((await answerAsk(db, clock, answer(other.id, EVA, "deny"))).ask.answer, "deny");
});

test("who may not answer, what is no option, and an unknown ask are refused, each by its name", async (t) => {
  const { db } = await testDatabase(t);
  const opened = ask();
  await openAsk(db, opened);
  await assert.rejects(answerAsk(db, clock, answer(opened.id, person("vic", "viewer"), "approve")), { code: "ask_not_yours" });
  await assert.rejects(answerAsk(db, clock, answer(opened.id, person("bot", "agent", "approver"), "approve")), { code: "ask_not_yours" });
  await assert.rejects(answerAsk(db, clock, answer(opened.id, RUI, "maybe")), { code: "ask_option_unknown" });
  await assert.rejects(answerAsk(db, clock, answer(opened.id, RUI, "  ")), { code: "ask_option_unknown" });
  await assert.rejects(answerAsk(db, clock, answer("ask_nobody", RUI, "approve")), { code: "ask_unknown" });
});

test("silence reminds, then asks more people, then expires; it never approves, and a late answer is refused", async (t) => {
  const { db, advance } = await testDatabase(t);
  const opened = ask({
    approvers: { roles: [], names: ["rui"] },
    expiry: [
      { afterMs: 60_000, do: "remind" },
      { afterMs: 120_000, do: "escalate", to: { roles: ["owner"], names: [] } },
      { afterMs: 180_000, do: "fail" },
    ],
  });
  await openAsk(db, opened);
  assert.equal(await expireDueAsks(db, clock), 0);
  await advance(61_000);
  assert.deepEqual([await expireDueAsks(db, clock), await expireDueAsks(db, clock)], [1, 0]);
  await assert.rejects(answerAsk(db, clock, answer(opened.id, ANA, "approve")), { code: "ask_not_yours" });
  await advance(60_000);
  assert.equal(await expireDueAsks(db, clock), 1);
  assert.deepEqual((await requireAsk(db, opened.id)).approvers, { roles: ["owner"], names: ["rui"] });
  await advance(60_000);
  const swept = await Promise.all(Array.from({ length: 5 }, () => expireDueAsks(db, clock)));
  assert.equal(
    swept.reduce((sum, taken) => sum + taken),
    1,
  );
  const { state, answer: given } = await requireAsk(db, opened.id);
  assert.deepEqual({ state, given }, { state: "expired", given: null });
  await assert.rejects(answerAsk(db, clock, answer(opened.id, ANA, "approve")), { code: "ask_not_open" });
});

test("an override is a new decision by an owner, and the old answer stays on record", async (t) => {
  const { db } = await testDatabase(t);
  const opened = ask();
  await openAsk(db, opened);
  await answerAsk(db, clock, answer(opened.id, RUI, "deny"));
  await assert.rejects(overrideAnswer(db, clock, { ...answer(opened.id, EVA, "approve"), reason: "I know better" }), { code: "ask_not_yours" });
  const machine = { ...ANA, roles: ["owner", "agent"] as const };
  await assert.rejects(overrideAnswer(db, clock, { ...answer(opened.id, machine, "approve"), reason: "I am mighty" }), { code: "ask_not_yours" });
  const after = await overrideAnswer(db, clock, { ...answer(opened.id, ANA, "approve"), reason: "the guest called" });
  assert.deepEqual(
    { answer: after.answer, by: after.settledBy, kinds: after.decisions.map(({ kind, handle, answer: said }) => `${handle} ${kind} ${said}`) },
    {
      answer: "approve",
      by: "ana",
      kinds: ["prn_rui decision deny", "prn_ana override approve"],
    },
  );
});

test("opening the same ask twice changes nothing", async (t) => {
  const { db } = await testDatabase(t);
  const opened = ask();
  await inTransaction(db, (tx) => openAsk(tx, opened));
  await inTransaction(db, (tx) => openAsk(tx, { ...opened, prompt: "something else" }));
  assert.equal((await requireAsk(db, opened.id)).prompt, "May it?");
});

test("the verdict and the right to answer are decided without a database", () => {
  const approval: Pick<Ask, "kind" | "quorum"> = { kind: "approval", quorum: 2 };
  assert.deepEqual(
    [verdictOf(approval, ["approve"]), verdictOf(approval, ["approve", "approve"]), verdictOf(approval, ["approve", "deny"])],
    [undefined, "approve", "deny"],
  );
  assert.equal(verdictOf({ kind: "choice", quorum: 2 }, ["a", "b", "a"]), "a");
  const byReporter = { approvers: { roles: [], names: [], reporter: "guest@example.org" } };
  assert.deepEqual([mayAnswer(byReporter, person("op", "operator")), mayAnswer(byReporter, person("vic", "viewer"))], [true, false]);
});

test("anyone of a named team may answer, and whoever brought the work may not, not even by an override", async (t) => {
  const { db } = await testDatabase(t);
  const kim = { ...person("kim", "operator"), groups: ["maintainers"] };
  assert.equal(mayAnswer(ask({ approvers: { roles: [], names: [], groups: ["maintainers"] } }), kim), true);
  assert.equal(mayAnswer(ask({ approvers: { roles: [], names: [], groups: ["maintainers"] } }), ANA), false);
  const opened = ask({ approvers: { roles: ["approver", "owner"], names: [], groups: ["maintainers"], except: ANA.id } });
  await openAsk(db, opened);
  await assert.rejects(answerAsk(db, clock, answer(opened.id, ANA, "approve")), {
    code: "ask_not_yours",
    message: /brought this work.*the role approver.*the team maintainers/,
  });
  assert.equal((await answerAsk(db, clock, answer(opened.id, kim, "deny"))).kind, "settled");
  await assert.rejects(overrideAnswer(db, clock, { ...answer(opened.id, ANA, "approve"), reason: "I want it" }), { code: "ask_not_yours" });
});

test("an approval can be answered with other arguments once, by whoever may answer it", async (t) => {
  const { db } = await testDatabase(t);
  const opened = ask({ actId: "act_1" as NewAsk["actId"], detail: { args: { text: "now" } }, quorum: 2 });
  await openAsk(db, opened);
  const edit = (who: Answerer, args: Json) => editAsk(db, clock, { askId: opened.id, person: who, args, face: "test" });
  await assert.rejects(edit(person("vera", "viewer"), { text: "later" }), { code: "ask_not_yours" });
  await assert.rejects(edit(EVA, { text: "now" }), { code: "input_invalid" });
  const edited = await edit(EVA, { text: "later" });
  assert.deepEqual([edited.state, edited.answer, edited.settledBy, edited.detail["edited"]], ["answered", "edit", "eva", { text: "later" }]);
  await assert.rejects(edit(RUI, { text: "never" }), { code: "ask_not_open" });
});
