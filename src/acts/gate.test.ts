import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ask } from "#src/asks/ask.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { Act } from "./act.ts";
import { type GateInput, judge } from "./gate.ts";

const HEADER = "apiVersion: loopwright.dev/v1";
const agent = (name: string, rest: string): [string, string] => [`agents/${name}.yaml`, `${HEADER}\nkind: Agent\nname: ${name}\n${rest}`];

function workspaceOf(...files: [string, string][]): Workspace {
  const all = new Map([["loop.yaml", `${HEADER}\nkind: Workspace\nname: gate\n`] as const, ...files].map(([path, text]) => [path, Buffer.from(text)]));
  const parsed = parseWorkspace(all);
  assert.ok(parsed.kind === "ok", JSON.stringify(parsed));
  return parsed.workspace;
}

const workspace = workspaceOf(
  agent(
    "clerk",
    "tools: [github.issues.*, files.read, brain.search]\napprovals: { requireFor: [github.issues.write], approvers: { roles: [owner] }, quorum: 2 }\n",
  ),
  agent("reader", "tools: [files.read]\n"),
);

const TALKS: [string, string] = [
  "policies/talk.yaml",
  `${HEADER}\nkind: Policy\nname: talk\nrules:\n  - { name: talk, when: { kind: message }, then: allow, why: it may speak }\n`,
];

const HARMLESS = { taint: ["owner"], sawPrivate: false } as const;

function toolAct(name: string, more: Partial<Act> = {}): Act {
  const base = { kind: "tool", name, effect: "once", state: "planned", args: {}, facts: {}, binding: "b1" };
  return { ...base, id: "act_1", runId: "run_1", turn: 1, ordinal: 0, key: "act_1", askId: null, decision: null, handle: null, ...more } as Act;
}

const decided = (input: Omit<GateInput, "workspace" | "ask" | "read" | "nowMs"> & Partial<GateInput>): [string, string | undefined] => {
  const verdict = judge({ workspace, ask: undefined, read: HARMLESS, nowMs: 0, ...input });
  return [verdict.kind, (verdict.decision as { rule?: string }).rule];
};

test("an agent may call what its file offers it, by name or by group, and nothing else whatever policy says", () => {
  assert.deepEqual(decided({ act: toolAct("files.read"), agent: "clerk" }), ["allow", "clerk:tools"]);
  assert.deepEqual(decided({ act: toolAct("github.issues.read"), agent: "clerk" }), ["allow", "clerk:tools"]);
  assert.deepEqual(decided({ act: toolAct("github.issuesx"), agent: "clerk" }), ["deny", "tools"]);
  assert.deepEqual(decided({ act: toolAct("web.fetch", { effect: "read" }), agent: "clerk" }), ["deny", "tools"]); // the built-in policy lets anybody read
  assert.deepEqual(decided({ act: toolAct("files.read"), agent: "gone" }), ["deny", "tools"]);
});

test("what the file of an agent requires an approval for is asked about in its terms", () => {
  const verdict = judge({ act: toolAct("github.issues.write"), agent: "clerk", workspace, ask: undefined, read: HARMLESS, nowMs: 0 });
  assert.ok(verdict.kind === "ask");
  assert.deepEqual([verdict.asked.rule, verdict.asked.quorum, verdict.asked.approvers?.roles], ["clerk:approvals", 2, ["owner"]]);
});

test("work that was given on may do what giver and taker may both do, in the stricter terms", () => {
  assert.deepEqual(decided({ act: toolAct("files.read"), agent: "clerk", givers: ["reader"] }), ["allow", "clerk:tools"]);
  assert.deepEqual(decided({ act: toolAct("github.issues.read"), agent: "clerk", givers: ["reader"] }), ["deny", "tools"]);
});

test("untrusted text, private data and a way out together need a person, and the approval of exactly this act clears it", () => {
  const act = toolAct("files.read", { facts: { outbound: true } });
  const read = { taint: ["outside"], sawPrivate: true } as const;
  assert.deepEqual(decided({ act, agent: "clerk", read }), ["ask", "egress"]);
  assert.deepEqual(decided({ act, agent: "clerk", read: { ...read, sawPrivate: false } }), ["allow", "clerk:tools"]);
  assert.deepEqual(decided({ act, agent: "clerk", read: { ...read, taint: ["member"] } }), ["allow", "clerk:tools"]);
  assert.deepEqual(decided({ act: toolAct("files.read"), agent: "clerk", read }), ["allow", "clerk:tools"]);
  const message = { ...toolAct("message.dispatch"), kind: "message" } as const;
  assert.deepEqual(decided({ act: message, agent: "clerk", read, workspace: workspaceOf(agent("clerk", ""), TALKS) }), ["ask", "egress"]);
  const ask = { id: "ask_1", state: "answered", answer: "approve", binding: "b1", rule: "egress" } as unknown as Ask;
  const cleared = judge({ act, agent: "clerk", read, workspace, ask, nowMs: 0 });
  assert.deepEqual(cleared.kind === "allow" && cleared.cleared.by, "ask_1");
  assert.deepEqual(decided({ act: { ...act, binding: "b2" }, agent: "clerk", read, ask }), ["ask", "egress"]);
});
