import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { MessagePort, OutboundMessage } from "#src/acts/ports/message-port.ts";
import { answerAsk, overrideAnswer } from "#src/asks/answer.ts";
import type { NewAsk } from "#src/asks/ask.ts";
import { expireDueAsks } from "#src/asks/expire.ts";
import { openAsk } from "#src/asks/store/open.ts";
import { requireAsk } from "#src/asks/store/read.ts";
import { inTransaction } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { type AskId, newId } from "#src/kernel/ids.ts";
import { eventsOf } from "#src/people/people-fixture.ts";
import { requirePrincipal } from "#src/people/store/principals.ts";
import { syncTeam } from "#src/people/team.ts";
import { chatWorkspace } from "#src/testing/chat-workspace.ts";
import { testDatabase, type TestDatabase } from "#src/testing/database.ts";
import { memorySurface } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { type TestOutbox, testOutbox } from "#src/testing/outbox.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { applyFiles } from "#src/workspace/taking.ts";
import { type DeliverParts, deliverDue, startDeliverer } from "./deliverer.ts";

const clock = heldClock();

const TEAM = {
  ana: "roles: [owner], contact: { surface: chat, address: '#ana' }",
  rui: "roles: [approver], contact: { surface: chat, address: '#rui' }",
  eva: "roles: [operator], contact: { surface: chat, address: '#eva' }",
  vic: "roles: [viewer], contact: { surface: chat, address: '#vic' }",
  bot: "roles: [agent], contact: { surface: chat, address: '#bot' }",
  oli: "roles: [approver]",
};

const teamFile = (members: Readonly<Record<string, string>>): string =>
  `apiVersion: loopwright.dev/v1\nkind: Team\nname: all\nmembers:\n${Object.entries(members)
    .map(([id, rest]) => `  - { id: ${id}, name: ${id}, ${rest} }\n`)
    .join("")}`;

interface House extends TestDatabase {
  readonly parts: DeliverParts;
  apply(members: Readonly<Record<string, string>>): Promise<void>;
  open(more?: Partial<NewAsk>): Promise<AskId>;
  answer(askId: string, handle: string, said: string): Promise<void>;
}

async function house(
  t: TestContext,
  surfaces: (database: TestDatabase) => readonly MessagePort[] | Promise<readonly MessagePort[]>,
  members: Readonly<Record<string, string>> = TEAM,
): Promise<House> {
  const database = await testDatabase(t);
  const { db } = database;
  const workspaces = createWorkspaceView(db);
  const apply = async (team: Readonly<Record<string, string>>): Promise<void> => {
    const applied = await applyFiles(db, clock, { files: chatWorkspace({ "teams/all.yaml": teamFile(team) }), author: "system", note: "test" });
    assert.equal(applied.kind, "applied", JSON.stringify(applied));
    const { workspace } = await workspaces.current();
    await inTransaction(db, (tx) => syncTeam(tx, clock, workspace.team));
  };
  await apply(members);
  const named = new Map((await surfaces(database)).map((surface) => [surface.name, surface]));
  return {
    ...database,
    apply,
    parts: { db, clock, log: silentLog, workspaces, surfaces: named, publicUrl: undefined },
    async open(more = {}) {
      const id = newId("ask", clock.nowMs());
      await openAsk(db, { ...APPROVAL, id, ...more });
      return id;
    },
    async answer(askId, handle, said) {
      await answerAsk(db, clock, { askId, person: await requirePrincipal(db, handle), answer: said, face: "cli" });
    },
  };
}

const APPROVAL: Omit<NewAsk, "id"> = {
  kind: "approval",
  purpose: "act",
  runId: null,
  actId: null,
  ticketId: null,
  prompt: "May it do this: message dispatch? policy asks (severe): a person reads it first.",
  detail: {
    kind: "message",
    name: "dispatch",
    effect: "findable",
    args: { to: "shun\u202efeng", text: "Water\nUndo\u0007", amount: 3 },
    facts: { severity: 4, costUsd: 138, risk: "high" },
    matched: ["severe", "sop:leak"],
  },
  options: ["approve", "deny"],
  approvers: { roles: ["approver"], names: ["vic"] },
  quorum: 1,
  binding: "b",
  rule: "severe",
  expiry: [],
  revision: 1,
};

const to = (posted: ReadonlyMap<string, OutboundMessage>): string[] => [...posted.values()].map((message) => message.to).toSorted();
const subjects = (posted: ReadonlyMap<string, OutboundMessage>): string[] =>
  [...posted.values()].map((message) => `${message.to} ${message.subject}`).toSorted();

test("each person who may answer and can be written to gets one copy, however often and by however many it is looked for", async (t) => {
  const chat = memorySurface("chat");
  const { parts, open, db } = await house(t, () => [chat]);
  const askId = await open({ approvers: { roles: ["approver", "owner", "agent"], names: ["vic", "eva"] } });
  await Promise.all(Array.from({ length: 4 }, () => deliverDue(parts)));
  await deliverDue(parts);
  assert.deepEqual(to(chat.posted), ["#ana", "#eva", "#rui"]); // a viewer has no right to answer, even by name; an agent never has
  const delivered = (await eventsOf(db)).filter(({ kind }) => kind === "ask.delivered");
  assert.deepEqual(delivered.map(({ payload }) => (payload as { to: string }).to).toSorted(), ["ana", "eva", "rui"]);
  assert.deepEqual(
    (await requireAsk(db, askId)).copies.map(({ to: handle, surface, what, state, error }) => ({ handle, surface, what, state, error })),
    ["ana", "eva", "rui"].map((handle) => ({ handle, surface: "chat", what: "ask", state: "delivered", error: null })),
  );
});

test("a copy says exactly what is asked, by which rule, at what price, what silence does, and how to answer it and no later question", async (t) => {
  const chat = memorySurface("chat");
  const { parts, open, db } = await house(t, () => [chat]);
  const askId = await open({
    quorum: 2,
    expiry: [
      { afterMs: 600_000, do: "remind" },
      { afterMs: 1_200_000, do: "escalate", to: { roles: [], names: ["ana"] } },
      { afterMs: 7_200_000, do: "fail" },
    ],
  });
  await deliverDue({ ...parts, publicUrl: "https://loop.example.org" });
  const [message] = chat.posted.values();
  const { createdAtMs } = await requireAsk(db, askId);
  const at = (afterMs: number): string => `${new Date(createdAtMs + afterMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  assert.equal(message?.subject, "approval · message dispatch");
  assert.equal(
    message?.text,
    `May it do this: message dispatch? policy asks (severe): a person reads it first.

Exactly this
  message dispatch
  to: "shun⟨U+202E⟩feng"
  text: 
    | Water
    | Undo⟨U+0007⟩
  amount: 3

Asked by the rule
  severe; also sop:leak

Cost
  $138.00

Risk
  high · severity 4

Undo
  what is sent cannot be taken back

Answers needed
  2 people who say the same

If nobody answers
  ${at(600_000)}: a reminder
  ${at(1_200_000)}: it goes to ana too
  ${at(7_200_000)}: it is given up, and not done
  Silence never approves.

For
  any approver, vic

To answer
  loop approve ${askId}
  loop deny ${askId} --reason <why>
  loop asks ${askId}
  https://loop.example.org/app/asks/${askId}`,
  );
});

test("a question, a choice and an acknowledgement say what to type, without a link where there is no address; an unknown price is unknown", async (t) => {
  const chat = memorySurface("chat");
  const { parts, open } = await house(t, () => [chat]);
  const question = await open({ kind: "question", purpose: "category", options: [], detail: { text: "a\nb" } });
  const choice = await open({ kind: "choice", purpose: "category", options: ["leak", "not needed"], detail: {} });
  const acknowledgement = await open({ kind: "acknowledgement", purpose: "acknowledgement", options: ["acknowledged"], detail: {} });
  const unpriced = await open({ detail: { ...APPROVAL.detail, facts: { costUsd: null } } });
  await deliverDue(parts);
  const answerTo = (askId: string): string => [...chat.posted.values()].find(({ facts }) => facts["ask"] === askId)!.text.split("To answer\n")[1]!;
  assert.equal(answerTo(question), `  loop answer ${question} <text>\n  loop asks ${question}`);
  assert.equal(answerTo(choice), `  loop answer ${choice} leak\n  loop answer ${choice} "not needed"\n  loop asks ${choice}`);
  assert.equal(answerTo(acknowledgement), `  loop ack ${acknowledgement}\n  loop asks ${acknowledgement}`);
  assert.match([...chat.posted.values()].find(({ facts }) => facts["ask"] === unpriced)!.text, /\nCost\n {2}unknown\n\nRisk\n {2}not stated\n/);
});

test("a reminder goes to those who have not answered, an escalation to the new people, and one reminder stands for several that were missed", async (t) => {
  const chat = memorySurface("chat");
  const { parts, open, answer, advance, db } = await house(t, () => [chat], { ...TEAM, oli: "roles: [approver], contact: { surface: chat, address: '#oli' }" });
  const remind = (minutes: number) => ({ afterMs: minutes * 60_000, do: "remind" }) as const;
  const askId = await open({ quorum: 2, expiry: [remind(1), { afterMs: 120_000, do: "escalate", to: { roles: ["owner"], names: [] } }, remind(3), remind(4)] });
  await deliverDue(parts);
  await answer(askId, "oli", "approve");
  await advance(61_000);
  await expireDueAsks(db, clock);
  await deliverDue(parts);
  await deliverDue(parts);
  const name = "approval · message dispatch";
  const first = ["#oli", "#rui"].map((who) => `${who} ${name}`);
  assert.deepEqual(subjects(chat.posted), [...first, `#rui Reminder: ${name}`].toSorted());
  await advance(60_000);
  await expireDueAsks(db, clock);
  await deliverDue(parts);
  assert.deepEqual(subjects(chat.posted), [`#ana ${name}`, ...first, `#rui Reminder: ${name}`].toSorted());
  await advance(120_000);
  await expireDueAsks(db, clock);
  await expireDueAsks(db, clock);
  await deliverDue(parts);
  assert.deepEqual(subjects(chat.posted), [`#ana ${name}`, `#ana Reminder: ${name}`, ...first, `#rui Reminder: ${name}`, `#rui Reminder: ${name}`].toSorted());
});

const inOutbox = (members: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(members).map(([id, rest]) => [id, rest.replace("surface: chat, address: '#", "surface: outbox, address: '")]));

test("when the ask settles the files of all copies say who decided what, and say it anew after an override", async (t) => {
  let outbox: TestOutbox | undefined;
  const { parts, open, answer, db } = await house(t, async ({ db: own }) => [(outbox = await testOutbox(t, { db: own, clock })).surface], inOutbox(TEAM));
  const askId = await open({ approvers: { roles: ["approver", "owner"], names: [] } });
  await deliverDue(parts);
  const recipients = async (): Promise<string[]> => (await outbox!.files()).map(([recipient]) => recipient);
  assert.deepEqual(await recipients(), ["ana", "rui"]);
  await answer(askId, "rui", "deny");
  await deliverDue(parts);
  for (const [, text] of await outbox!.files()) {
    assert.match(text, /\nSubject: Answered: approval · message dispatch\n/);
    assert.match(
      text,
      /\n\nrui said deny, [\d-]+ [\d:]+ UTC\. There is nothing to answer any more\.\n- rui: deny, by cli, [^\n]+\n\nAs it was asked\n {2}May it do this/,
    );
  }
  await overrideAnswer(db, clock, { askId, person: await requirePrincipal(db, "ana"), answer: "approve", face: "http", reason: "I looked" });
  await deliverDue(parts);
  assert.deepEqual(await recipients(), ["ana", "rui"]);
  for (const [, text] of await outbox!.files())
    assert.match(text, /\n\nana said approve,[^]*\n- ana: approve \(I looked\), by http, .*, overriding what was said before\n/);
  const told = (await eventsOf(db)).filter(({ kind }) => kind === "ask.delivered").map(({ payload }) => payload as { what: string; how?: string });
  assert.deepEqual(told.map(({ what, how }) => `${what} ${how ?? ""}`).toSorted(), [...Array(2).fill("ask "), ...Array(4).fill("settled edited")]);
});

test("where nothing can be edited one short message follows for each person, and an ask that settled first is sent to nobody", async (t) => {
  const chat = memorySurface("chat");
  const { parts, open, advance, db } = await house(t, () => [chat]);
  await open({
    expiry: [
      { afterMs: 60_000, do: "remind" },
      { afterMs: 120_000, do: "fail" },
    ],
  });
  await deliverDue(parts);
  await advance(61_000);
  await expireDueAsks(db, clock);
  await deliverDue(parts);
  await advance(60_000);
  await expireDueAsks(db, clock);
  await deliverDue(parts);
  const posted = [...chat.posted.values()];
  assert.deepEqual(
    posted.map(({ subject }) => subject),
    ["approval · message dispatch", "Reminder: approval · message dispatch", "Expired: approval · message dispatch"],
  );
  assert.match(posted[2]!.text, /^Nobody answered in time, .* It was not approved\. There is nothing to answer any more\.$/);

  const quick = await open();
  await answerAsk(db, clock, { askId: quick, person: await requirePrincipal(db, "rui"), answer: "approve", face: "cli" });
  await deliverDue(parts);
  assert.equal(chat.posted.size, 3);
});

/** A surface that takes nothing. */
const broken = (name: string, how: () => Promise<never>): MessagePort => ({ name, post: how, find: () => Promise.resolve(undefined) });

test("a surface that refuses, is away or is not there holds up nobody else; why is on the ask and once in the journal, and it is tried again", async (t) => {
  const chat = memorySurface("chat");
  let isAway = true;
  const moody: MessagePort = {
    ...memorySurface("moody"),
    post: (message, key) => (isAway ? Promise.reject(new LoopError("surface_unavailable", "moody is away")) : chat.post(message, key)),
  };
  const strict = broken("strict", () => Promise.reject(new LoopError("surface_refused", "there is no room #b")));
  const buggy = broken("buggy", () => Promise.reject(new TypeError("x is not a function")));
  const on = (surface: string): string => `roles: [approver], contact: { surface: ${surface}, address: '#${surface}' }`;
  const { parts, open, advance, apply, db } = await house(t, () => [strict, buggy, moody, chat], {
    a: on("moody"),
    b: on("strict"),
    c: on("absent"),
    d: on("buggy"),
    e: on("chat"),
  });
  const askId = await open();
  await deliverDue(parts);
  assert.deepEqual(to(chat.posted), ["#chat"]);
  const troubles = async () =>
    Object.fromEntries((await requireAsk(db, askId)).copies.filter(({ error }) => error !== null).map((copy) => [copy.to, copy.error]));
  const bug = "something broke in this server; its log says what";
  const absent = "the surface absent is not connected; connected: strict, buggy, moody, chat";
  assert.deepEqual(await troubles(), { a: "moody is away", b: "there is no room #b", c: absent, d: bug });

  await advance(3_000);
  await deliverDue(parts);
  const failed = (await eventsOf(db)).filter(({ kind }) => kind === "ask.delivery_failed").map(({ payload }) => payload as { to: string; why: string });
  assert.deepEqual(failed.map(({ to: handle }) => handle).toSorted(), ["a", "b", "c", "d"]); // the same trouble twice is one event

  isAway = false;
  await apply({ a: on("moody"), b: on("strict").replace("#strict", "#better"), c: on("chat").replace("#chat", "#c"), e: on("chat") });
  await advance(600_000);
  await deliverDue(parts);
  assert.deepEqual(to(chat.posted), ["#c", "#chat", "#moody"]);
  assert.deepEqual(await troubles(), { b: "there is no room #b" });
});

test("a message that was posted under a lost record is found, not posted again, and edited when the ask was settled since", async (t) => {
  const chat = memorySurface("chat");
  let isLost = true;
  const edits: string[] = [];
  const forgetful: MessagePort = {
    ...chat,
    async post(message, key) {
      await chat.post(message, key);
      if (isLost) throw new LoopError("surface_unavailable", "the line broke after the message was sent");
      return { surface: "chat", messageId: key };
    },
    edit: (_posted, message) => Promise.resolve(void edits.push(message.subject)),
  };
  const { parts, open, answer, advance } = await house(t, () => [forgetful]);
  const askId = await open();
  await deliverDue(parts);
  assert.equal(chat.posted.size, 1);
  await answer(askId, "rui", "approve");
  isLost = false;
  await advance(60_000);
  await deliverDue(parts);
  assert.equal(chat.posted.size, 1);
  assert.deepEqual(edits, ["Answered: approval · message dispatch"]);
});

test("somebody who joins while the ask is open gets a copy, and nobody gets a second one", async (t) => {
  const chat = memorySurface("chat");
  const { parts, open, apply } = await house(t, () => [chat]);
  await open();
  await deliverDue(parts);
  await apply({ ...TEAM, new: "roles: [approver], contact: { surface: chat, address: '#new' }" });
  await deliverDue(parts);
  assert.deepEqual(to(chat.posted), ["#new", "#rui"]);
});

test("a surface that never answers holds its own seats and nobody else's, and a stop does not wait for it", async (t) => {
  const chat = memorySurface("chat");
  const sent = Promise.withResolvers<void>();
  const heard: MessagePort = { ...chat, post: (message, key) => chat.post(message, key).finally(sent.resolve) };
  const on = (surface: string): string => `roles: [approver], contact: { surface: ${surface}, address: '#${surface}' }`;
  const hung = broken("hung", () => new Promise(() => undefined));
  const { parts, open } = await house(t, () => [hung, heard], {
    ...Object.fromEntries(["a", "b", "c", "d", "e", "f"].map((id) => [id, on("hung")])),
    g: on("chat"),
  });
  const deliverer = startDeliverer(parts, { pollMs: 5, graceMs: 0, changed: () => undefined, mayClaim: () => true });
  await open();
  await sent.promise;
  await deliverer.stop();
  assert.deepEqual(to(chat.posted), ["#chat"]);
});

test("an edit that is refused again and again is left, with the reason on the ask", async (t) => {
  const chat = memorySurface("chat");
  let tries = 0;
  const stiff: MessagePort = { ...chat, edit: () => ((tries += 1), Promise.reject(new LoopError("surface_refused", "it is too old to edit"))) };
  const { parts, open, answer, advance, db } = await house(t, () => [stiff]);
  const askId = await open();
  await deliverDue(parts);
  await answer(askId, "rui", "approve");
  for (let round = 0; round < 10; round += 1) {
    await deliverDue(parts);
    await advance(7 * 3_600_000);
  }
  assert.equal(tries, 5);
  const [copy] = (await requireAsk(db, askId)).copies;
  assert.deepEqual(
    { state: copy?.state, error: copy?.error, nextTryAtMs: copy?.nextTryAtMs },
    { state: "delivered", error: "it is too old to edit", nextTryAtMs: null },
  );
});
