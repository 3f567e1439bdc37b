import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventShape } from "../client/shapes.ts";
import { eventLine } from "./event-line.ts";
import { storyOf } from "./story.ts";
import { storyText } from "./story-text.ts";
import { columns } from "./width.ts";

const LOOK = { width: 80, colour: false, nowMs: Date.parse("2026-11-20T10:00:00Z") };

let position = 0;
const event = (kind: string, payload: object): EventShape => ({
  position: (position += 1),
  kind,
  at: "2026-11-20T09:59:00.000Z",
  actor: "agent:desk",
  runId: "run_1",
  ticketId: "tkt_1",
  payload,
});

const DECISION = {
  outcome: "ask",
  rule: "severe",
  why: "policy asks (severe): a person first; sop:leak asks: severity 4 is 4 or above",
  matched: ["severe", "sop:leak"],
};
const MESSAGE = { act: "act_1", kind: "message", name: "dispatch" };
const EVENTS = [
  event("ticket.opened", {
    sender: "chen@guest.example",
    surface: "cli",
    language: "zh-TW",
    trust: "outside",
    text: "冷氣漏水\u001b[2J",
    agent: "desk",
    reason: "it is the agent for everything else",
  }),
  event("run.queued", { agent: "desk" }),
  event("run.thought", {
    purpose: "classify",
    by: "rules",
    content: { value: { category: "hvac_leak", severity: 4, urgencyMinutes: 60, risks: ["electrical_risk"], language: "zh-TW" } },
  }),
  event("act.done", {
    act: "act_0",
    kind: "tool",
    name: "brain.search",
    result: { hits: [{ layer: "sop", title: "Leaks", source: "brain/sops/leak.md", score: 0.95, why: "same category" }] },
  }),
  event("act.done", { act: "act_m", kind: "model", name: "draft" }),
  event("act.asked", { ...MESSAGE, decision: DECISION }),
  event("ask.opened", { ask: "ask_1", act: "act_1", kind: "approval", purpose: "act", prompt: "May it?" }),
  event("ask.answered", { ask: "ask_1", by: "ines", answer: "approve", face: "cli", reason: "known firm" }),
  event("act.started", { ...MESSAGE, decision: { ...DECISION, answer: "approve", answeredBy: "ines" } }),
  event("act.waiting", { ...MESSAGE, error: null }),
  event("act.done", { ...MESSAGE, result: { acknowledged: true, by: "root" } }),
  event("act.done", { act: "act_c", kind: "check", name: "command", result: { verdict: "failed", command: ["awk", "x"], exitCode: 1, sandbox: "bwrap" } }),
  event("receipt.signed", { digest: "ab12", keyId: "sgn_1" }),
  event("run.done", { said: "root said that it is done", checked: "unchecked" }),
  event("lesson.learned", { title: "#1: Leaks" }),
];
const RUN = {
  acts: [
    {
      id: "act_1",
      kind: "message",
      name: "dispatch",
      effect: "findable",
      state: "done",
      args: { surface: "outbox", to: "shun-feng", name: "順風", subject: "#1", text: "Water", acknowledge: { withinMs: 120_000 } },
      decision: null,
      result: null,
      error: null,
      attempts: 1,
    },
  ],
  messages: [
    {
      seq: 4,
      role: "thought",
      name: "draft",
      source: "openai:gpt",
      content: { value: { vendor: "shun-feng", costUsd: null, etaMinutes: null, noteForVendor: "Water", noteForReporter: null } },
    },
  ],
  asks: [],
};

test("the journal of a ticket reads as a story: each chapter a word and what a person wants to know, plumbing left out", () => {
  const told = storyOf(EVENTS, [RUN]).map(({ word, lines }) => [word, ...lines]);
  assert.deepEqual(told, [
    ["came in", "chen@guest.example · over cli · zh-TW · trust: outside", "冷氣漏水\u001b[2J", "goes to desk: it is the agent for everything else"],
    ["understood", "hvac_leak · severity 4 · electrical_risk · act within 60 min · zh-TW · by rules"],
    ["found", "1 card of the brain", "0.95 sop · Leaks\n     brain/sops/leak.md · same category"],
    ["drafted", "shun-feng · costs unknown · arrival unknown · by openai:gpt", "Water"],
    ["held", "by severe; also sop:leak", "policy asks (severe): a person first", "sop:leak asks: severity 4 is 4 or above", "for a person: message dispatch"],
    ["answered", "ines: approve · by cli · known firm"],
    ["authorised", "message dispatch: approved by ines, as severe asks"],
    ["dispatched", "dispatch to 順風 over outbox, and waits 2 min for the acknowledgement"],
    ["received", "順風 has it, says root"],
    ["checked", "failed · by command", "awk x → exit code 1 in the sandbox bwrap"],
    ["receipt", "signed by sgn_1, over sha256 ab12"],
    ["finished", "said: root said that it is done", "checked: unchecked"],
    ["learned", "#1: Leaks"],
  ]);
});

test("of a conversation the story tells what was called and what was said at the end, and not that nothing was understood", () => {
  const messages = [{ seq: 2, role: "thought", name: "chat", source: "litellm:large", content: { text: "The lint step failed.", toolCalls: [] } }];
  const events = [
    event("act.done", { act: "act_a", kind: "model", name: "chat" }),
    event("act.done", { act: "act_b", kind: "tool", name: "github.checks.read" }),
    event("act.done", { act: "act_c", kind: "model", name: "chat" }),
    event("run.done", { said: "The lint step failed.", checked: "unchecked" }),
  ];
  const told = storyOf(events, [{ acts: [], messages, asks: [] }]).map(({ word, lines }) => [word, ...lines]);
  assert.deepEqual(told, [
    ["done", "tool · github.checks.read"],
    ["finished", "said: The lint step failed.", "checked: unchecked"],
  ]);
});

test("shown on a page, nothing that a stranger wrote leaves it as it came, and no line is wider", () => {
  const text = storyText(storyOf(EVENTS, [RUN]), LOOK);
  assert.match(text, /冷氣漏水⟨U\+001B⟩\[2J/);
  for (const line of text.split("\n")) assert.ok(columns(line) <= LOOK.width, line);
});

test("an erased event says that it was erased, and one event is one line in the feed", () => {
  const { payload: _gone, ...rest } = EVENTS[0]!;
  assert.deepEqual(storyOf([{ ...rest, erased: true }], [])[0]!.lines, ["what ticket.opened said was erased"]);
  const lines = EVENTS.map((one) => eventLine(one, LOOK));
  for (const line of lines) {
    assert.ok(columns(line) <= LOOK.width, line);
    assert.ok(!line.includes("\n"));
  }
  assert.match(lines[1]!, /run\.queued +agent:desk agent=desk/);
});
