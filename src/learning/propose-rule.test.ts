import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { testDatabase } from "#src/testing/database.ts";
import { drain } from "#src/testing/engine.ts";
import { heldClock } from "#src/testing/held-clock.ts";
import { receive } from "#src/testing/desk.ts";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { applyFiles } from "#src/workspace/taking.ts";
import { HOUSE_TEXTS, house } from "./learning-fixture.ts";
import { proposeRule, type RuleOrigin } from "./propose-rule.ts";

async function start(t: TestContext, texts: Readonly<Record<string, string>> = HOUSE_TEXTS) {
  const { db } = await testDatabase(t);
  const clock = heldClock();
  await applyFiles(db, clock, { files: filesOf(texts), author: "system", note: "test" });
  const deps = { db, clock, workspaces: createWorkspaceView(db) };
  return { ...deps, propose: (request: object, more: Partial<RuleOrigin> = {}) => proposeRule(deps, { request, author: "prn_ines", ...more }) };
}

test("a rule is proposed from a ticket as a file that nobody has taken yet, with a text for a coding agent", async (t) => {
  const { db } = await testDatabase(t);
  const { engine, drafts } = await house(db);
  drafts({ vendor: "kamo", costUsd: 90, etaMinutes: 45 });
  const { ticketId } = await receive(engine, { sender: "g@example.org", text: "the boiler is dripping on my secret diary" });
  await drain(engine);
  const before = await engine.workspaces.current();
  const request = { title: "A leak is for Inês to see", text: "Twice the wrong firm came.", approvers: { names: ["ines"] }, escalateTo: { roles: ["owner"] } };
  const proposal = await proposeRule(engine, { request, ticketId, author: "prn_ines" });
  const tail = proposal.id.slice(4, 20);
  const path = `policies/proposed-20260101_000000_${tail}.yaml`;
  const text = `# A leak is for Inês to see
# From #1: leak, severity 3, dispatched, drafted for kamo at $90. Twice the wrong firm came.
apiVersion: loopwright.dev/v1
kind: Policy
name: rule_proposed_20260101_000000_${tail}
rules:
  - name: rule_proposed_20260101_000000_${tail}
    when:
      kind: message
      name: dispatch
      label:
        category: leak
      severity:
        atLeast: 3
    then: ask
    why: A leak is for Inês to see
    approvers:
      names:
        - ines
    expiry:
      - after: 30m
        do: escalate
        to:
          roles:
            - owner
`;
  const { prompt, createdAtMs: _at, ...rest } = proposal;
  assert.deepEqual(rest, {
    id: proposal.id,
    kind: "rule",
    state: "open",
    title: "A leak is for Inês to see",
    reason: "From #1: leak, severity 3, dispatched, drafted for kamo at $90. Twice the wrong firm came.",
    files: [{ path, text, base: null }],
    sources: { tickets: [ticketId], category: "leak", severityAtLeast: 3, rule: `rule_proposed_20260101_000000_${tail}` },
    test: null,
    author: "prn_ines",
    decidedBy: null,
    decidedAtMs: null,
    decisionReason: null,
    revision: null,
  });
  assert.ok(prompt!.startsWith(`Add one file of this Loopwright workspace and change nothing else: ${path}`) && prompt!.includes(text.trimEnd()));
  assert.deepEqual(await engine.workspaces.current(), before);
});

test("the same request again is the proposal that is open, another one is another, and their names sort as they were made", async (t) => {
  const { db, propose } = await start(t);
  const request = { title: "one", category: "leak", severityAtLeast: 2 };
  const [a, b] = await Promise.all([propose(request), propose({ ...request, title: "the same in other words" })]);
  assert.equal(a.id, b.id);
  const others = [
    await propose({ ...request, severityAtLeast: 1 }),
    await propose({ ...request, category: "towels" }),
    await propose({ ...request, then: "deny" }),
  ];
  const paths = [a, ...others].map((proposal) => proposal.files[0]!.path);
  assert.deepEqual(paths.toSorted(), paths);
  assert.equal(new Set(paths).size, 4);
  const { rows } = await sql<{ count: number }>`select count(*) as count from events where kind = 'proposal.opened'`.execute(db);
  assert.deepEqual(rows, [{ count: 4 }]);
});

test("a rule that cannot be meant is refused with what was expected", async (t) => {
  const { propose } = await start(t);
  const refusals: readonly (readonly [object, RegExp])[] = [
    [{ title: "x" }, /needs category and severityAtLeast: there is no ticket/],
    [{ title: "x", category: "leek", severityAtLeast: 3 }, /There is no category leek; a rule for it would never apply\. Did you mean leak\?/],
    [{ title: "x", category: "leak", severityAtLeast: 9 }, /Too big|<=5/],
    [{ title: "x", category: "leak", severityAtLeast: 3, then: "allow" }, /"ask"\|"deny"/],
    [{ title: "x", category: "leak", severityAtLeast: 3, approvers: { names: ["nobody"] } }, /the person nobody, which is nowhere described/],
    [{ title: "x", category: "leak", severityAtLeast: 3, colour: "red" }, /colour/],
    [{ category: "leak", severityAtLeast: 3 }, /title/],
  ];
  for (const [request, message] of refusals) await assert.rejects(propose(request), { code: "input_invalid", message }, JSON.stringify(request));
  await assert.rejects(propose({ title: "x" }, { ticketId: "#7" }), { code: "ticket_unknown" });
});

test("a rule that asks is refused where today's policy denies, since that would be milder; one that denies is not", async (t) => {
  const texts = { ...HOUSE_TEXTS, "policies/house.yaml": HOUSE_TEXTS["policies/house.yaml"].replace(/^.*name: dear.*\n/m, "") };
  const { propose } = await start(t, texts);
  const request = { title: "look at leaks", category: "leak", severityAtLeast: 1 };
  await assert.rejects(propose(request), {
    code: "input_invalid",
    message: /may only make one stricter: a dispatch of leak at severity 1 and an unknown cost is denied today/,
  });
  assert.equal((await propose({ ...request, then: "deny" })).state, "open");
});

test("the first policy of a workspace keeps the rules that held without one", async (t) => {
  const { "policies/house.yaml": _none, ...texts } = HOUSE_TEXTS;
  const { propose } = await start(t, texts);
  const { files } = await propose({ title: "look at leaks", category: "leak", severityAtLeast: 3, then: "deny" });
  assert.deepEqual(
    [...files[0]!.text.matchAll(/^ {2}- name: (\S+)/gm)].map(([, name]) => name!.replace(/_\d.*/, "")),
    ["rule_proposed", "built-in-outward", "built-in-model", "built-in-read"],
  );
});

test("a change of an SOP lowers its threshold and keeps every other character of it, however it is written", async (t) => {
  const base = SOUND_FILES["brain/sops/oven.md"].replace("severity: 3\n", "severity: 3 # measured in 2025\n");
  const written = "escalation: { severityAtOrAbove: 4, approvers: { names: [ana] } }";
  const forms = [
    [written, written.replace("4", "3")],
    ["escalation: {costAboveUsd: 9}", "escalation: { severityAtOrAbove: 3,costAboveUsd: 9}"],
    ["escalation:\n    # dear\n    costAboveUsd: 9 # dollars", "escalation:\n    # dear\n    severityAtOrAbove: 3\n    costAboveUsd: 9 # dollars"],
    ["escalation:\n  severityAtOrAbove:   5 # high\n  risks: [gas]", "escalation:\n  severityAtOrAbove:   3 # high\n  risks: [gas]"],
  ] as const;
  const request = { change: "sop", title: "ovens are dangerous", category: "oven", severityAtLeast: 3 };
  for (const [now, then] of forms) {
    const { propose } = await start(t, { ...SOUND_FILES, "brain/sops/oven.md": base.replace(written, now) });
    const { kind, files } = await propose(request);
    assert.deepEqual({ kind, text: files[0]!.text }, { kind: "sop", text: base.replace(written, then) });
  }
});

test("an SOP without thresholds gets one; what an SOP says already, or cannot say, is refused", async (t) => {
  const { propose } = await start(t);
  const request = { change: "sop", title: "leaks are dangerous", category: "leak", severityAtLeast: 3, approvers: { names: ["ines"] } };
  const { files } = await propose(request);
  const check = "check: { by: reporter, question: Is it dry now?, within: 2h }\n";
  assert.equal(
    files[0]!.text,
    HOUSE_TEXTS["brain/sops/leak.md"].replace(check, `${check}escalation:\n  severityAtOrAbove: 3\n  approvers:\n    roles: []\n    names:\n      - ines\n`),
  );
  await assert.rejects(propose({ ...request, then: "deny" }), { code: "input_invalid", message: /An SOP can only ask.* Propose a policy rule instead/ });
  const sound = await start(t, SOUND_FILES);
  const oven = { change: "sop", title: "x", category: "oven", severityAtLeast: 5 };
  await assert.rejects(sound.propose(oven), { code: "input_invalid", message: /The SOP oven asks from severity 4 on already\./ });
  await assert.rejects(sound.propose({ ...oven, severityAtLeast: 2, approvers: { names: ["rui"] } }), {
    code: "input_invalid",
    message: /its own way of saying who is asked/,
  });
});
