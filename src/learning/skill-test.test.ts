import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { testDatabase } from "#src/testing/database.ts";
import { filesOf } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import type { ResolvedCase } from "./case.ts";
import { HOUSE_TEXTS, house, resolveTicket } from "./learning-fixture.ts";
import { casesOf } from "./propose-skill.ts";
import { draftSkill } from "./skill-draft.ts";
import { testSkill } from "./skill-test.ts";

interface Drafted {
  readonly vendor: string | null;
  readonly costUsd: number | null;
}

async function twoCases(
  t: TestContext,
  { drafts, text = "the boiler is dripping", byRules = false }: { drafts: readonly [Drafted, Drafted]; text?: string; byRules?: boolean },
): Promise<ResolvedCase[]> {
  const { db } = await testDatabase(t);
  const built = await house(db);
  const runs: string[] = [];
  for (const [index, draft] of drafts.entries()) {
    built.drafts({ ...draft, etaMinutes: 45 });
    const { runId } = await resolveTicket(byRules ? built.byRules : built.engine, {
      sender: `guest${index}@example.org`,
      text,
      labels: { property: "machiya" },
    });
    runs.push(runId);
  }
  return casesOf(db, runs, workspaceOf(HOUSE_TEXTS));
}

function workspaceOf(texts: Readonly<Record<string, string>>) {
  const parsed = parseWorkspace(filesOf(texts));
  assert.equal(parsed.kind, "ok", JSON.stringify(parsed));
  return (parsed as Extract<typeof parsed, { kind: "ok" }>).workspace;
}

/** Drafts the skill in one workspace and tests it in another. */
function tried(
  cases: readonly ResolvedCase[],
  {
    draftedIn = HOUSE_TEXTS,
    testedIn = HOUSE_TEXTS,
    change = (text: string) => text,
  }: { draftedIn?: Record<string, string>; testedIn?: Record<string, string>; change?: (yaml: string) => string },
) {
  const { name, files } = draftSkill(cases, { workspace: workspaceOf(draftedIn), others: [], nowMs: 0 });
  const changed = files.map((file) => (file.path.endsWith(".yaml") ? { ...file, text: change(file.text) } : file));
  return testSkill({ name, files: changed, cases }, { files: filesOf(testedIn), revision: 1, nowMs: 0 });
}

const KAMO = [
  { vendor: "kamo", costUsd: 90 },
  { vendor: "kamo", costUsd: 110 },
] as const;

test("a skill passes when the rules draft with it what was approved, and cannot without it", async (t) => {
  const cases = await twoCases(t, { drafts: KAMO });
  const done = tried(cases, {});
  const off = { draft: { act: "dispatch", to: "outbox:sora", vendor: null, costUsd: null, demands: [] }, gate: "ask by dear" };
  const on = {
    draft: { act: "dispatch", to: "outbox:kamo", vendor: "kamo", costUsd: 100, demands: ["skill:handle-leak"] },
    gate: "ask by skill:handle-leak",
    differs: [],
  };
  const replayed = (index: 0 | 1) => ({
    ticket: cases[index]!.ticket.id,
    number: index + 1,
    approved: { act: "dispatch", to: "outbox:kamo", vendor: "kamo", costUsd: KAMO[index].costUsd, demands: [] },
    on,
    off: { ...off, differs: ["the vendor is nobody instead of kamo", `the estimate is unknown instead of $${KAMO[index].costUsd}`] },
    lowered: [],
  });
  assert.deepEqual(done, {
    passed: true,
    why: "With it every draft is as approved. Without it: #1 the vendor is nobody instead of kamo, the estimate is unknown instead of $90; #2 the vendor is nobody instead of kamo, the estimate is unknown instead of $110.",
    revision: 1,
    at: "1970-01-01T00:00:00.000Z",
    tickets: [replayed(0), replayed(1)],
  });
});

test("a skill for what the SOP already says fails, and says that the workspace suffices", async (t) => {
  const cases = await twoCases(t, { drafts: KAMO, text: "more towels, please", byRules: true });
  const { passed, why, tickets } = tried(cases, {});
  assert.deepEqual({ passed, why }, { passed: false, why: "Without it the approved drafts are reproduced as well: what the workspace says already suffices." });
  assert.deepEqual(
    tickets.map(({ on, off }) => [on.differs, off.differs]),
    [
      [[], []],
      [[], []],
    ],
  );
});

test("a skill fails when another vendor comes first where it is tested", async (t) => {
  const cases = await twoCases(t, { drafts: KAMO });
  const other = `apiVersion: loopwright.dev/v1\nkind: Skill\ncategory: leak\ntriggers: { labels: { property: machiya } }\npreferredVendors: [sari]\ncostEstimateUsd: 20\nsources: { by: ines, at: "2026-01-01T00:00:00Z" }\n`;
  const taken = { ...HOUSE_TEXTS, "skills/a-leak/SKILL.md": "---\nname: a-leak\ndescription: Ask the laundry.\n---\nHm.\n", "skills/a-leak/skill.yaml": other };
  assert.deepEqual(pick(tried(cases, { testedIn: taken })), { passed: false, why: "Another skill of the category comes first for #1 and #2." });
});

test("a skill fails, and the workspace is named, when what it refers to is gone", async (t) => {
  const cases = await twoCases(t, { drafts: KAMO });
  const gone = { ...HOUSE_TEXTS, "brain/entities/vendors.yaml": HOUSE_TEXTS["brain/entities/vendors.yaml"].replace(/^.*kamo.*\n/m, "") };
  const { passed, why } = tried(cases, { testedIn: gone });
  assert.equal(passed, false);
  assert.match(why, /^The workspace is not sound with it\..*skills\/handle-leak\/skill\.yaml:.*the vendor kamo/s);
});

test("a skill without its approval rules would open the gate that an unknown price kept shut, and is refused", async (t) => {
  const cases = await twoCases(t, { drafts: KAMO });
  const { passed, why } = tried(cases, { change: (yaml) => yaml.replace(/^approval:\n( .*\n)+/m, "") });
  assert.equal(passed, false);
  assert.match(why, /^It would make a gate milder: #1 at severity 3: allow by everyday instead of ask by dear/);
});

test("a skill whose threshold is too high for one severity is refused for that severity", async (t) => {
  const cases = await twoCases(t, { drafts: KAMO });
  const { why } = tried(cases, { change: (yaml) => yaml.replace("severityAtOrAbove: 3", "severityAtOrAbove: 4") });
  assert.equal(
    why,
    "It would make a gate milder: #1 at severity 3: allow by everyday instead of ask by dear; #2 at severity 3: allow by everyday instead of ask by dear.",
  );
});

test("what a person approved is never let through without one, though the policy of today would", async (t) => {
  const dear = [
    { vendor: "kamo", costUsd: 250 },
    { vendor: "kamo", costUsd: 260 },
  ] as const;
  const cases = await twoCases(t, { drafts: dear });
  assert.deepEqual(
    cases.map(({ approved }) => approved!.wasAsked),
    [true, true],
  );
  const generous = {
    ...HOUSE_TEXTS,
    "policies/house.yaml": HOUSE_TEXTS["policies/house.yaml"].replace("aboveUsd: 200", "aboveUsd: 900").replace("upToUsd: 200", "upToUsd: 900"),
  };
  const done = tried(cases, { draftedIn: generous, testedIn: generous });
  assert.deepEqual(
    done.tickets.map(({ on }) => on.gate),
    ["ask by skill:handle-leak", "ask by skill:handle-leak"],
  );
  const loose = tried(cases, { draftedIn: generous, testedIn: generous, change: (yaml) => yaml.replace(/^approval:\n( .*\n)+/m, "") });
  assert.match(loose.why, /#1 was approved by a person and would go out without one/);
});

test("one unknown cost leaves no estimate, and the skill does not reproduce the known one", async (t) => {
  const cases = await twoCases(t, {
    drafts: [
      { vendor: "kamo", costUsd: null },
      { vendor: "kamo", costUsd: 90 },
    ],
  });
  const { files } = draftSkill(cases, { workspace: workspaceOf(HOUSE_TEXTS), others: [], nowMs: 0 });
  assert.ok(files[1]!.text.includes("costCapUsd: 90") && !files[1]!.text.includes("costEstimateUsd"));
  assert.deepEqual(pick(tried(cases, {})), { passed: false, why: "With it the approved draft is not reproduced: #2 the estimate is unknown instead of $90." });
});

const pick = ({ passed, why }: { passed: boolean; why: string }) => ({ passed, why });
