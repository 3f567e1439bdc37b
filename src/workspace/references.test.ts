import assert from "node:assert/strict";
import test from "node:test";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "./load.ts";

type Path = keyof typeof SOUND_FILES;

/** Replaces one text in one sound file, and gives what is wrong then. */
function wrong(path: Path, text: string, replacement: string): string[] {
  const before: string = SOUND_FILES[path];
  assert.ok(before.includes(text), `${path} has ${text}`);
  return problemsIn({ ...SOUND_FILES, [path]: before.replace(text, replacement) });
}

function problemsIn(texts: Record<string, string>): string[] {
  const parsed = parseWorkspace(filesOf(texts));
  if (parsed.kind === "ok") return [];
  return parsed.problems.map(({ file, line, path, seen, hint }) => `${file}:${line} ${path}: ${seen}${hint ? ` (${hint})` : ""}`);
}

test("a name that stands for nothing is told where it is used, with the name that was likely meant", () => {
  const cases: readonly (readonly [Path, string, string, string])[] = [
    [
      "brain/sops/oven.md",
      "[forno]",
      "[fornno]",
      "brain/sops/oven.md:6 preferredVendors[0]: the vendor fornno, which is nowhere described (Did you mean forno?)",
    ],
    ["skills/fix-oven/skill.yaml", "[forno]", "[x]", "skills/fix-oven/skill.yaml:4 preferredVendors[0]: the vendor x, which is nowhere described"],
    [
      "brain/history/2025.yaml",
      "vendor: forno",
      "vendor: forn",
      "brain/history/2025.yaml:4 items[0].vendor: the vendor forn, which is nowhere described (Did you mean forno?)",
    ],
    [
      "brain/entities/shops.yaml",
      "[forno]",
      "[bob]",
      "brain/entities/shops.yaml:5 items[0].preferredVendors.oven[0]: the vendor bob, which is nowhere described",
    ],
    [
      "brain/voice/gas.md",
      "shop: lisbon",
      "shop: lisboa",
      "brain/voice/gas.md:6 labels.shop: the shop lisboa, which is nowhere described (Did you mean lisbon?)",
    ],
    [
      "skills/fix-oven/skill.yaml",
      "shop: lisbon",
      "shop: porto",
      "skills/fix-oven/skill.yaml:5 triggers.labels.shop: the shop porto, which is nowhere described",
    ],
    [
      "loop.yaml",
      "subject: shop\n",
      "subject: shop\nconcurrency: { shoop: 1 }\n",
      "loop.yaml:5 concurrency.shoop: the kind of entity shoop, which is nowhere described (Did you mean shop?)",
    ],
    ["budgets/lisbon.yaml", "value: lisbon", "value: porto", "budgets/lisbon.yaml:4 scope.value: the shop porto, which is nowhere described"],
    ["teams/house.yaml", "shop: [lisbon]", "shop: [porto]", "teams/house.yaml:5 members[0].looksAfter.shop[0]: the shop porto, which is nowhere described"],
    [
      "policies/house.yaml",
      "names: [rui]",
      "names: [ruy]",
      "policies/house.yaml:15 rules[1].approvers.names[0]: the person ruy, which is nowhere described (Did you mean rui?)",
    ],
    ["brain/sops/oven.md", "names: [ana]", "names: [eva]", "brain/sops/oven.md:7 escalation.approvers.names[0]: the person eva, which is nowhere described"],
    [
      "skills/fix-oven/skill.yaml",
      "names: [rui]",
      "names: [zoe]",
      "skills/fix-oven/skill.yaml:6 approval.approvers.names[0]: the person zoe, which is nowhere described",
    ],
    ["loop.yaml", "agent: desk", "agent: dask", "loop.yaml:5 defaults.agent: the agent dask, which is nowhere described (Did you mean desk?)"],
    [
      "skills/fix-oven/skill.yaml",
      "category: oven",
      "category: ovens",
      "skills/fix-oven/skill.yaml:3 category: the category ovens, which is nowhere described (Did you mean oven?)",
    ],
    [
      "brain/sops/oven.md",
      "sensor: heat",
      "sensor: heta",
      "brain/sops/oven.md:8 check.sensor: the sensor heta, which is nowhere described (Did you mean heat?)",
    ],
  ];
  for (const [path, text, replacement, expected] of cases) assert.deepEqual(wrong(path, text, replacement), [expected], `${path}: ${replacement}`);
});

test("people and agents are looked for in every place of a policy, patterns apart", () => {
  const inWhen = (when: string) => wrong("policies/house.yaml", "kind: model", when);
  assert.deepEqual(inWhen("kind: model, agent: [desk, dsk]"), [
    "policies/house.yaml:6 rules[0].when.agent[1]: the agent dsk, which is nowhere described (Did you mean desk?)",
  ]);
  assert.deepEqual(inWhen("kind: model, agent: 'night-*', label: { shop: 'l*', weather: rain }"), []);
  assert.deepEqual(inWhen("kind: model, label: { shop: porto }"), [
    "policies/house.yaml:6 rules[0].when.label.shop: the shop porto, which is nowhere described",
  ]);
  assert.deepEqual(wrong("policies/house.yaml", "why: over a hundred", "why: x\n    expiry: [{ after: 1h, do: escalate, to: { names: [ben] } }]"), [
    "policies/house.yaml:15 rules[1].expiry[0].to.names[0]: the person ben, which is nowhere described",
  ]);
});

test("labels whose key is no kind of entity are free", () => {
  assert.deepEqual(wrong("brain/voice/gas.md", "shop: lisbon", "weather: rain"), []);
});

test("names that were given twice are told with the place of the first", () => {
  const copy = (path: Path, to: string) => problemsIn({ ...SOUND_FILES, [to]: SOUND_FILES[path] });
  assert.deepEqual(copy("agents/desk.yaml", "agents/other.yaml"), ["agents/other.yaml:3 name: the agent desk a second time"]);
  assert.deepEqual(copy("budgets/lisbon.yaml", "budgets/z.yaml"), ["budgets/z.yaml:3 name: the budget lisbon a second time"]);
  assert.deepEqual(copy("brain/sops/oven.md", "brain/sops/z.md"), ["brain/sops/z.md:2 id: the SOP oven a second time"]);
  assert.deepEqual(copy("brain/voice/gas.md", "brain/voice/old/gas.md"), ["brain/voice/old/gas.md:2 : the voice gas a second time"]);
  assert.deepEqual(copy("brain/history/2025.yaml", "brain/history/2026.json"), ["brain/history/2026.json:4 items[0].id: the case oven-1 a second time"]);
  assert.deepEqual(copy("brain/entities/shops.yaml", "brain/entities/z.yaml"), ["brain/entities/z.yaml:5 items[0].id: the shop lisbon a second time"]);
  assert.deepEqual(copy("policies/house.yaml", "policies/z.yaml"), [
    "policies/z.yaml:3 name: the policy house a second time",
    "policies/z.yaml:5 rules[0].name: the rule models a second time",
    "policies/z.yaml:9 rules[1].name: the rule dear a second time",
  ]);
  assert.deepEqual(copy("teams/house.yaml", "teams/z.yaml"), [
    "teams/z.yaml:3 name: the team house a second time",
    "teams/z.yaml:5 members[0].id: the person ana a second time",
    "teams/z.yaml:6 members[1].id: the person rui a second time",
  ]);
});

test("a rule may not bear the name under which policy itself answers", () => {
  assert.deepEqual(wrong("policies/house.yaml", "name: dear", "name: default"), [
    "policies/house.yaml:9 rules[1].name: the rule name default, which policy itself uses",
  ]);
});

test("a skill is named as its folder, and has a text", () => {
  assert.deepEqual(wrong("skills/fix-oven/SKILL.md", "name: fix-oven", "name: mend-oven"), ["skills/fix-oven/SKILL.md:2 name: the name mend-oven"]);
  assert.deepEqual(problemsIn({ ...SOUND_FILES, "skills/x/skill.yaml": SOUND_FILES["skills/fix-oven/skill.yaml"] }), [
    "skills/x/skill.yaml:1 : a skill.yaml alone",
  ]);
});

test("while a file is unsound, names that it may hold are not called missing", () => {
  const broken = { ...SOUND_FILES, "brain/entities/vendors.json": "[" };
  assert.deepEqual(
    problemsIn(broken).map((problem) => problem.split(":")[0]),
    ["brain/entities/vendors.json"],
  );
});
