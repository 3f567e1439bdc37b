import assert from "node:assert/strict";
import { test } from "node:test";
import type { AskShape } from "../client/shapes.ts";
import { columns } from "../render/width.ts";
import { frame } from "./frame.ts";
import { pressed } from "./press.ts";
import { arrived, FIRST, PANES, type Press, type ScreenState } from "./screen-state.ts";
import type { Seen } from "./seen.ts";

const NOW = Date.parse("2026-05-05T10:00:00Z");

const ask = (more: Partial<AskShape>): AskShape =>
  ({
    id: `ask_${more.alias}`,
    kind: "question",
    state: "open",
    stranded: false,
    purpose: "worker",
    runId: null,
    actId: null,
    ticketId: null,
    prompt: "Which branch?",
    detail: {},
    options: [],
    approvers: { roles: ["owner"], names: [] },
    quorum: 1,
    rule: null,
    expiry: [],
    answer: null,
    settledBy: null,
    createdAt: "2026-05-05T09:58:00Z",
    settledAt: null,
    nextStepAt: null,
    decisions: [],
    copies: [],
    yours: true,
    alias: null,
    ...more,
  }) as AskShape;

const QUESTION = ask({ alias: "fix-login-1", prompt: "修正應該進入哪個分支？".repeat(12) });
const CHOICE = ask({ alias: "fix-login-2", kind: "choice", options: ["main", "release", "別的分支"] });
const APPROVAL = ask({
  alias: null,
  id: "ask_approval",
  kind: "approval",
  purpose: "act",
  prompt: "May this happen?",
  rule: "cannot-be-taken-back",
  detail: { kind: "tool", name: "github.issues.write", effect: "findable", args: { title: "Leak", body: "rm -rf \u001b[31m/" }, facts: { costUsd: 0 } },
});

const seen = (asks: readonly AskShape[]): Seen => ({
  workspace: "personal",
  waiting: 1,
  pulse: "alive",
  asks,
  numbers: new Map(),
  workers: [
    {
      name: "fix-login",
      state: "running",
      health: "waiting-ask",
      alive: true,
      startedAtMs: NOW - 7_200_000,
      lastOutputAtMs: NOW - 60_000,
      askId: "fix-login-1",
      verify: null,
    },
  ],
  sensors: [
    { name: "today", signal: { date: "2026-05-05" }, detail: {} },
    { name: "disk", signal: { error: true, exit_code: 1 }, detail: { message: "no such disk\n" } },
  ],
  goals: ["playbook-daily", "setup"],
  journal: Array.from({ length: 20 }, (_, at) => `- 2026-05-05 09:${59 - at} write-goal 冷氣漏水 ${"x".repeat(at * 9)}`),
});

const screen = (asks: readonly AskShape[] = [QUESTION, CHOICE, APPROVAL]): ScreenState => arrived(FIRST, seen(asks), NOW);

const NAMED = { Enter: "enter", Esc: "escape", Tab: "tab", Down: "down", PgDn: "page-down", Back: "backspace" } as const;
const press = (name: string): Press => (Object.hasOwn(NAMED, name) ? { key: NAMED[name as keyof typeof NAMED] } : { key: "text", text: name });
const after = (state: ScreenState, ...keys: string[]) => keys.reduce((so, key) => pressed(so.state, press(key)), { state } as ReturnType<typeof pressed>);
const drawn = (state: ScreenState, size = { columns: 80, rows: 24 }, colour = false): string[] =>
  frame(state, size, { width: size.columns, colour, nowMs: NOW });

test("a frame is exactly as large as the terminal, whatever stands in it", () => {
  const states = [
    FIRST,
    screen(),
    screen([]),
    { ...screen(), lost: "No server runs for the home /x." },
    after(screen(), "?").state,
    ...PANES.map((pane) => ({ ...screen(), pane })),
    ...PANES.map((pane) => after({ ...screen(), pane }, "Enter").state),
    after(screen(), "j", "Enter").state,
    after(screen(), "j", "j", "Enter", "a").state,
    after(screen(), "j", "j", "Enter", "d", "冷氣".repeat(60)).state,
  ];
  for (const state of states)
    for (const [width, rows] of [
      [80, 24],
      [200, 50],
      [40, 12],
      [119, 30],
      [30, 8],
    ] as const)
      for (const colour of [false, true]) {
        const lines = drawn(state, { columns: width, rows }, colour);
        assert.deepEqual([lines.length, ...new Set(lines.map(columns))], [rows, width], `${width}x${rows}\n${lines.join("\n")}`);
        assert.equal(lines.join("").includes("\u001b"), colour && width >= 40);
      }
});

test("at 80 by 24 the questions stand first, wide characters in their columns, and every pane has its place", () => {
  const lines = drawn(screen());
  assert.match(lines[0]!, /^loop · personal · 3 questions for you · 1 changed file waits: loop plan +live$/);
  assert.equal(lines[1]!.trim(), "▌ASKS 3");
  assert.match(lines[2]!, /^> \? fix-login-1 {2}question {2}2 min {2}修正應該進入哪個分支？修正應.*… ?$/);
  assert.deepEqual(
    lines.filter((line) => /^[ ▌][A-Z]+/.test(line)).map((line) => line.slice(1).trim()),
    ["ASKS 3", "WORKERS 1", "SENSORS 2", "GOALS 2", "JOURNAL 20, 1-9 shown"],
  );
  assert.match(lines.join("\n"), /\? fix-login {2}waiting-ask +idle 1 min {2}up 2 h {2}asks fix-login-1 *\n/);
  assert.match(lines.join("\n"), /! disk {3}error true, exit_code 1 *\n/);
});

test("with room the panes stand side by side, and the chosen row is there whole", () => {
  const text = drawn(screen(), { columns: 200, rows: 50 })
    .map((line) => line.trimEnd())
    .join("\n");
  assert.match(text, /▌ASKS 3 +│ {2}SENSORS 2/);
  assert.match(text, /\? fix-login-1 · question · 2 min ago/);
});

test("an approval shows exactly the act, and only a and then y approve it", () => {
  const page = after(screen(), "j", "j", "Enter").state;
  const text = drawn(page).join("\n");
  assert.match(text, /"title": "Leak",[^]*"body": "rm -rf .*\/"[^]*cannot-be-taken-back[^]*what is sent cannot be taken back/);
  assert.ok(!text.includes("\u001b"));
  assert.match(text, /a approve {3}d deny/);
  for (const keys of [["ay"], ["y"], ["a", "Enter"], ["a", "n"], ["Enter"], ["a", "yy"], ["a", "Esc", "y"]])
    assert.equal(after(page, ...keys).deed, undefined, keys.join());
  assert.deepEqual(after(page, "a", "y").deed, { do: "answer", ask: APPROVAL, answer: "approve", reason: undefined });
  assert.deepEqual(after(page, "d", "too dear", "Enter").deed, { do: "answer", ask: APPROVAL, answer: "deny", reason: "too dear" });
  assert.equal(after(page, "d", "q").deed, undefined);
});

test("whoever approves a long act is told how much of it they have not seen", () => {
  const long = { ...APPROVAL, detail: { ...APPROVAL.detail, args: Array.from({ length: 60 }, (_, at) => `line ${at}`) } };
  const page = after(screen([long]), "Enter").state;
  assert.match(drawn(after(page, "a").state).join("\n"), /Approve exactly this act, with \d+ lines that you have not seen \(PgDn\)\?/);
  const read = after(page, ...Array.from({ length: 9 }, () => "PgDn")).state;
  assert.match(drawn(after(read, "a").state).join("\n"), /Approve exactly this act\?/);
});

test("a choice is picked by its number or by moving, a question is answered in words", () => {
  const choice = after(screen(), "Down", "Enter").state;
  assert.deepEqual(after(choice, "3", "Enter").deed, { do: "answer", ask: CHOICE, answer: "別的分支", reason: undefined });
  assert.deepEqual(after(choice, "j", "Enter").deed, { do: "answer", ask: CHOICE, answer: "release", reason: undefined });
  assert.equal(after(choice, "9").deed, undefined);
  const question = after(screen(), "Enter").state;
  assert.equal(after(question, "Enter").deed, undefined);
  assert.deepEqual(after(question, "mainn", "Back", " q", "Enter").deed, { do: "answer", ask: QUESTION, answer: "main q", reason: undefined });
  assert.deepEqual(after(question, "👨‍👩‍👧", "Back", "x", "Enter").deed, { do: "answer", ask: QUESTION, answer: "x", reason: undefined });
});

test("while the server is away nothing is sent, what is typed is kept, and its coming back is said", () => {
  const typed = after(screen(), "Enter", "main").state;
  const away = { ...typed, lost: "No server runs." };
  assert.match(drawn(away)[0]!, /DISCONNECTED$/);
  const tried = after(away, "Enter");
  assert.equal(tried.deed, undefined);
  assert.match(drawn(tried.state).at(-1)!, /^Not sent: the server is away/);
  const back = arrived(tried.state, seen([QUESTION]), NOW);
  assert.match(drawn(back).at(-1)!, /^Connected again/);
  assert.equal(after(back, "Enter").deed?.do, "answer");
});

test("a question that somebody else answered is left, and rows that come do not move the choice", () => {
  const open = after(screen(), "j", "Enter").state;
  const gone = arrived(open, seen([QUESTION]), NOW);
  assert.deepEqual([gone.mode.kind, gone.notice?.text.startsWith("That question is closed")], ["browse", true]);
  const chosen = after(screen(), "j").state;
  const more = arrived(chosen, seen([ask({ alias: "new-1" }), QUESTION, CHOICE]), NOW);
  assert.match(
    drawn(more).find((line) => line.startsWith(">"))!,
    /fix-login-2/,
  );
});

test("what is pasted moves about in a list and quits at a q; nothing is answered by it", () => {
  assert.equal(after(screen(), "jjq").deed?.do, "quit");
  assert.equal(after(screen(), "jj").state.chosen.asks, "ask_approval");
});
