import assert from "node:assert/strict";
import { test } from "node:test";
import type { AskShape } from "../client/shapes.ts";
import { askCard, askLine, silenceText } from "./ask-card.ts";
import { askListText } from "./ask-list.ts";
import { columns } from "./width.ts";

const NOW = "2026-11-20T10:00:00.000Z";
const LOOK = { width: 80, colour: false, nowMs: Date.parse(NOW) };

const APPROVAL: AskShape = {
  id: "ask_01",
  alias: null,
  kind: "approval",
  state: "open",
  stranded: false,
  purpose: "act",
  runId: "run_01",
  actId: "act_01",
  ticketId: "tkt_01",
  prompt: "May it do this: message dispatch? policy asks (severe): a person reads it first.; sop:hvac_leak asks: severity 4 is 4 or above",
  detail: {
    kind: "message",
    name: "dispatch",
    effect: "findable",
    args: {
      surface: "outbox",
      to: "shun-feng",
      name: "順風\u202e冷氣行",
      subject: "#1 · leak",
      text: "Water near the socket.",
      facts: { replyToReporter: "我們馬上處理。" },
      acknowledge: { withinMs: 120_000 },
    },
    facts: { severity: 4, costUsd: 138, risk: "high" },
    matched: ["severe", "sop:hvac_leak"],
  },
  options: ["approve", "deny"],
  approvers: { roles: ["approver", "owner"], names: [] },
  quorum: 1,
  rule: "severe",
  expiry: [
    { afterMs: 600_000, do: "remind" },
    { afterMs: 1_200_000, do: "escalate", to: { names: ["ines"] } },
    { afterMs: 7_200_000, do: "fail" },
  ],
  answer: null,
  settledBy: null,
  createdAt: "2026-11-20T09:58:00.000Z",
  settledAt: null,
  nextStepAt: null,
  decisions: [],
  copies: [],
  yours: true,
};

test("an approval shows the exact draft, its price, the rules, whether it can be undone, what silence does and what to type", () => {
  assert.equal(
    askCard({ ask: APPROVAL, number: 1, command: "bin/loop", reference: "1" }, LOOK),
    [
      "? approval · ticket #1 · 2 min ago · ask_01",
      "  May it do this: message dispatch? policy asks (severe): a person reads it",
      "  first.",
      "  sop:hvac_leak asks: severity 4 is 4 or above",
      "  to        順風⟨U+202E⟩冷氣行 (outbox: shun-feng)",
      "  subject   #1 · leak",
      "  text      Water near the socket.",
      "  reply     我們馬上處理。",
      "  costs     $138 · severity 4 · risk high",
      "  rule      severe; also sop:hvac_leak",
      "  undo      what is sent cannot be taken back",
      "  silence   a reminder in 8 min, then it goes to ines too in 18 min, then it is",
      "            given up in 1 h 58 min; silence never approves",
      "  for       any approver, any owner",
      "  answer    bin/loop approve 1",
      "            bin/loop deny 1 --reason <why>",
    ].join("\n"),
  );
});

test("what to type stays in one piece, however long the way to the command is", () => {
  const command = `LOOP_HOME=/srv/${"long/".repeat(20)}home /opt/loopwright/bin/loop`;
  const lines = askCard({ ask: APPROVAL, number: 1, command, reference: "1" }, LOOK).split("\n");
  assert.deepEqual(lines.slice(-2), [`  answer    ${command} approve 1`, `            ${command} deny 1 --reason <why>`]);
});

test("an act whose price is unknown says so, and one that is no message shows its arguments whole", () => {
  const ask = { ...APPROVAL, detail: { ...APPROVAL.detail, effect: "once", args: { argv: ["rm", "-rf", "x"] }, facts: { costUsd: null } } };
  const text = askCard({ ask, number: undefined, command: "loop", reference: "ask_01" }, LOOK);
  assert.match(text, /costs +unknown\n/);
  assert.match(text, /exactly +\{\n +"argv": \[\n +"rm",/);
  assert.match(text, /undo +it cannot be taken back/);
});

test("who was reached is named, and who was not and why, in the card and in the list", () => {
  const copy = {
    to: "ines",
    surface: "outbox",
    what: "ask",
    state: "delivered",
    error: null,
    deliveredAt: "2026-11-20T09:58:00.000Z",
    nextTryAt: null,
  } as const;
  const copies = [
    copy,
    { ...copy, what: "reminder" as const, deliveredAt: NOW },
    {
      ...copy,
      to: "rui",
      surface: "chat",
      state: "not_delivered" as const,
      error: "no such\u202e room",
      deliveredAt: null,
      nextTryAt: "2026-11-20T10:01:00.000Z",
    },
  ];
  const text = askCard({ ask: { ...APPROVAL, copies }, number: 1, command: "loop", reference: "1" }, LOOK);
  assert.match(
    text,
    /\n {2}sent to +ines \(outbox\) 2 min ago, ines \(outbox\) reminded now\n {2}trouble +not delivered to rui: no such⟨U\+202E⟩ room; tried again in 1 min\n/,
  );
  assert.match(
    askLine({ ask: { ...APPROVAL, copies }, number: 1, command: "loop", reference: "1" }, LOOK),
    /\n {2}not delivered to rui: no such⟨U\+202E⟩ room/,
  );
  const lost = { ...copy, error: "it is gone" };
  assert.match(
    askCard({ ask: { ...APPROVAL, copies: [lost] }, number: 1, command: "loop", reference: "1" }, LOOK),
    /the copy of ines could not be changed: it is gone; not/,
  );
});

test("what silence does is said for what is still to come, and that it never approves", () => {
  assert.equal(silenceText({ ...APPROVAL, expiry: [] }, LOOK.nowMs), "it waits; silence never approves");
  assert.equal(silenceText(APPROVAL, LOOK.nowMs + 3_600_000), "it is given up in 58 min; silence never approves");
  assert.equal(silenceText({ ...APPROVAL, state: "answered" }, LOOK.nowMs), "");
});

test("each kind of question says what to type for it", () => {
  const typed = (ask: Partial<AskShape>): string =>
    askLine({ ask: { ...APPROVAL, ...ask }, number: 1, command: "loop", reference: "1" }, LOOK)
      .split("\n")
      .slice(-1)[0]!
      .trim();
  assert.equal(typed({ kind: "acknowledgement", options: ["acknowledged"] }), "loop ack 1");
  assert.equal(typed({ kind: "question", options: [] }), "loop answer 1 <text>");
  assert.equal(typed({ state: "answered", answer: "deny", settledBy: "ines" }), "ines said deny");
  const choice = askLine({ ask: { ...APPROVAL, kind: "choice", options: ["done", "not needed"] }, number: 1, command: "loop", reference: "1" }, LOOK);
  assert.match(choice, /loop answer 1 done\nloop answer 1 "not needed"$/);
});

test("a list says how many need a person, shows few whole and many short, and is never wider than the page", () => {
  const place = { numbers: new Map([["tkt_01", 7]]), command: "loop" };
  assert.match(askListText([], place, LOOK), /^Nothing needs you\./);
  assert.match(askListText([APPROVAL], place, LOOK), /^1 question needs a person\.\n\n\? approval · ticket #7 [^]*loop approve 7/);
  const many = askListText(
    [1, 2, 3, 4].map((number) => ({ ...APPROVAL, id: `ask_0${number}` })),
    place,
    LOOK,
  );
  assert.match(many, /^4 questions need a person\./);
  assert.match(many, /loop approve ask_01\n/);
  assert.doesNotMatch(many, /subject/);
  for (const line of many.split("\n")) assert.ok(columns(line) <= LOOK.width, line);
});
