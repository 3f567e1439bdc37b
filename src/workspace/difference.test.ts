import assert from "node:assert/strict";
import test from "node:test";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { difference } from "./difference.ts";
import { kindOf } from "./files.ts";
import { powerDigest } from "./power.ts";

type Path = keyof typeof SOUND_FILES;

const SOUND = filesOf(SOUND_FILES);
const replaced = (path: Path, text: string, replacement: string) => {
  const before: string = SOUND_FILES[path];
  assert.ok(before.includes(text), `${path} has ${text}`);
  return filesOf({ ...SOUND_FILES, [path]: before.replace(text, replacement) });
};
const words = (changed: ReturnType<typeof filesOf>) => {
  const { power, live } = difference(SOUND, changed);
  return { power: power.map((change) => change.words), live: live.map((change) => change.words) };
};

test("power is what apply guards; direction and knowledge are live", () => {
  const live = Object.keys(SOUND_FILES).filter((path) => kindOf(path) === "live");
  assert.deepEqual(live, [
    "PLAYBOOK.md",
    "brain/entities/shops.yaml",
    "brain/entities/vendors.json",
    "brain/sops/oven.md",
    "brain/voice/gas.md",
    "brain/history/2025.yaml",
    "goals/stock.md",
  ]);
  assert.equal(kindOf("somewhere/else"), "apply");
});

test("changes are told in plain words, rules and people by name", () => {
  assert.deepEqual(words(replaced("policies/house.yaml", "aboveUsd: 100", "aboveUsd: 200")), {
    power: ["policies/house.yaml: rule dear, when.cost.aboveUsd changed from 100 to 200"],
    live: [],
  });
  assert.deepEqual(words(replaced("policies/house.yaml", "  - name: models\n", "  - { name: none, when: {}, then: deny, why: x }\n  - name: models\n")), {
    power: ['policies/house.yaml: rule none is new: {"name":"none","then":"deny","when":{},"why":"x"}'],
    live: [],
  });
  assert.deepEqual(words(replaced("teams/house.yaml", "roles: [approver]", "roles: [approver, admin]")), {
    power: ['teams/house.yaml: member rui, roles changed from ["approver"] to ["approver","admin"]'],
    live: [],
  });
  assert.deepEqual(words(replaced("sensors/heat.sh", "220", "180")), { power: ["sensors/heat.sh: the content changed"], live: [] });
  assert.deepEqual(words(replaced("skills/fix-oven/SKILL.md", "Call the firm.", "Call.\nWait.")), {
    power: ["skills/fix-oven/SKILL.md: the text changed (2 lines added, 1 removed)"],
    live: [],
  });
  assert.deepEqual(words(replaced("goals/stock.md", "Always.", "Often.")), {
    power: [],
    live: ["goals/stock.md: the text changed (1 lines added, 1 removed)"],
  });
});

test("files that came and went are told whole", () => {
  const { "agents/desk.yaml": _, ...rest } = SOUND_FILES;
  assert.deepEqual(words(filesOf({ ...rest, "goals/new.md": "# New" })), { power: ["agents/desk.yaml is gone"], live: ["goals/new.md is new"] });
  assert.deepEqual(difference(filesOf({}), SOUND).power.length + difference(filesOf({}), SOUND).live.length, Object.keys(SOUND_FILES).length + 1); // an SOP is in both
});

test("rules in another order are a change of order and not of each rule", () => {
  const rules = (order: string[]) => filesOf({ "policies/x.yaml": `rules:\n${order.map((name) => `  - { name: ${name} }\n`).join("")}` });
  assert.deepEqual(
    difference(rules(["a", "b"]), rules(["b", "a"])).power.map((change) => change.words),
    ['policies/x.yaml: rules.order changed from ["a","b"] to ["b","a"]'],
  );
});

test("of an SOP the thresholds, and what chooses the messages that they count for, are power; the rest is live", () => {
  assert.deepEqual(words(replaced("brain/sops/oven.md", "severityAtOrAbove: 4", "severityAtOrAbove: 5")), {
    power: ["brain/sops/oven.md: escalation.severityAtOrAbove changed from 4 to 5"],
    live: [],
  });
  assert.deepEqual(words(replaced("brain/sops/oven.md", "severity: 3\n", "")), { power: ["brain/sops/oven.md: severity is gone; it was 3"], live: [] });
  assert.deepEqual(words(replaced("brain/sops/oven.md", "Turn the gas off first.", "Gas first.")), {
    power: [],
    live: ["brain/sops/oven.md: the text changed (1 lines added, 1 removed)"],
  });
  assert.deepEqual(words(replaced("brain/sops/oven.md", "category: oven", "category: mixer")).power, [
    'brain/sops/oven.md: category changed from "oven" to "mixer"',
  ]);
});

test("an SOP without thresholds is power too: it takes messages from those that have them", () => {
  const hello = "---\nid: hello\ntitle: Hello\ncategory: hello\ntriggers: [hi]\ncostEstimateUsd: 5\netaMinutes: 9\n---\nHi.\n";
  const plain = filesOf({ ...SOUND_FILES, "brain/sops/hello.md": hello });
  assert.deepEqual(words(plain), { power: ["brain/sops/hello.md is new"], live: ["brain/sops/hello.md is new"] });
  const next = (from: string, to: string) => {
    const { power, live } = difference(plain, filesOf({ ...SOUND_FILES, "brain/sops/hello.md": hello.replace(from, to) }));
    return { power: power.map((change) => change.words), live: live.map((change) => change.words) };
  };
  assert.deepEqual(next("[hi]", "[hi, oven]"), { power: ['brain/sops/hello.md: triggers changed from ["hi"] to ["hi","oven"]'], live: [] });
  assert.deepEqual(next("Usd: 5", "Usd: 1"), { power: ["brain/sops/hello.md: costEstimateUsd changed from 5 to 1"], live: [] });
  assert.deepEqual(next("Minutes: 9", "Minutes: 8"), { power: [], live: ["brain/sops/hello.md: etaMinutes changed from 9 to 8"] });
});

test("of a long list only what came and went is told", () => {
  const words = Array.from({ length: 60 }, (_, index) => `word${index}`);
  const list = (items: readonly string[]) => filesOf({ "policies/x.yaml": `name: [${items.join(", ")}]\n` });
  const told = (items: readonly string[]) => difference(list(words), list(items)).power.map((change) => change.words);
  assert.deepEqual(told([...words.slice(1), "gusher"]), ['policies/x.yaml: name: added ["gusher"], removed ["word0"]']);
  assert.deepEqual(told(words.toReversed()), ["policies/x.yaml: name: the same items, in another order or number"]);
  assert.deepEqual(told([...words, "word1"]), ["policies/x.yaml: name: the same items, in another order or number"]);
});

test("layout and comments are no change, and the digest of power is over power alone", () => {
  const relaid = replaced("policies/house.yaml", "when: { kind: model }", "when:\n      kind: model # thinking");
  assert.deepEqual(words(relaid), { power: [], live: [] });
  const digest = powerDigest(SOUND);
  assert.equal(powerDigest(relaid), digest);
  assert.equal(powerDigest(replaced("brain/sops/oven.md", "Turn the gas off first.", "Gas.")), digest);
  assert.equal(powerDigest(replaced("goals/stock.md", "Always", "Often")), digest);
  assert.notEqual(powerDigest(replaced("brain/sops/oven.md", "severity: 3", "severity: 2")), digest);
  assert.notEqual(powerDigest(replaced("sensors/heat.sh", "220", "221")), digest);
  assert.notEqual(powerDigest(replaced("loop.yaml", "name: bakery", "name: baker")), digest);
});

test("files that cannot be read as what they should be are compared by their bytes", () => {
  const broken = filesOf({ ...SOUND_FILES, "agents/desk.yaml": "{" });
  assert.equal(difference(SOUND, broken).power.length > 0, true);
  assert.deepEqual(
    difference(broken, filesOf({ ...SOUND_FILES, "agents/desk.yaml": "[" })).power.map((change) => change.words),
    ["agents/desk.yaml: the content changed"],
  );
});

test("a field with the name of something every object has is a field", () => {
  const of = (text: string) => filesOf({ "agents/a.yaml": text });
  assert.deepEqual(
    difference(of("name: a\n"), of("name: a\nconstructor: x\ntoString: y\n")).power.map((change) => change.words),
    ['agents/a.yaml: constructor is new: "x"', 'agents/a.yaml: toString is new: "y"'],
  );
});
