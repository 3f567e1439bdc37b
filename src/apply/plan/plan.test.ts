import assert from "node:assert/strict";
import { test } from "node:test";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import { problemsText } from "#src/workspace/problem.ts";
import { planOf, type Plan, type Side } from "./plan.ts";

type Texts = Readonly<Record<string, string>>;

function sideOf(texts: Texts): Side {
  const files = filesOf(texts);
  const parsed = parseWorkspace(files);
  if (parsed.kind === "problems") assert.fail(problemsText(parsed.problems));
  return { files, workspace: parsed.workspace };
}

const HEAD = "apiVersion: loopwright.dev/v1\n";

const BASE: Texts = {
  ...SOUND_FILES,
  "agents/clerk.yaml": `${HEAD}kind: Agent
name: clerk
procedure: chat
runner: model
tools: [brain.search, github.issues.write]
surfaces: [{ surface: slack, channel: "#ops" }]
models: { default: "anthropic:claude-haiku-4-5", maxOutputTokens: 500 }
approvals: { requireFor: ["github.issues.*"], approvers: { names: [rui] }, quorum: 2, separation: true }
budget: { monthlyUsd: 20 }
memory: { scope: channel, retention: 30d }
handoffs: [desk]
maxTurns: 10
`,
  "tools/github.yaml": `${HEAD}kind: ToolServer
name: github
from: { by: github, auth: { type: token, token: "secret:github" }, repositories: [acme/web] }
tools: { issues.write: { effect: findable, risk: medium } }
`,
  "tools/web.yaml": `${HEAD}kind: ToolServer
name: web
from: { by: http, hosts: [api.example.com] }
`,
  "tools/find.yaml": `${HEAD}kind: ToolServer
name: find
from: { by: web, search: { provider: tavily, apiKey: "secret:tavily" } }
`,
  "tools/mcp.yaml": `${HEAD}kind: ToolServer
name: docs
from: { by: mcp, command: [docs-server] }
`,
  "triggers/night.yaml": `${HEAD}kind: Trigger
name: night
agent: clerk
on: { schedule: { at: "0 3 * * *", text: "look around" } }
`,
  "services/shop.yaml": `${HEAD}kind: Service
name: shop
startingAgent: clerk
agents: [clerk]
`,
  "models/local.yaml": `${HEAD}kind: ModelProvider
name: local
wire: ollama
baseUrl: http://127.0.0.1:11434
`,
};

/** Replaces texts in files; `null` takes a file away. */
function edited(edits: Readonly<Record<string, readonly (readonly [string, string])[] | string | null>>): Texts {
  const texts: Record<string, string> = { ...BASE };
  for (const [path, edit] of Object.entries(edits)) {
    if (edit === null) delete texts[path];
    else if (typeof edit === "string") texts[path] = edit;
    else
      texts[path] = edit.reduce((text, [from, to]) => {
        assert.ok(text.includes(from), `${path} has ${from}`);
        return text.replace(from, to);
      }, texts[path]!);
  }
  return texts;
}

const before = sideOf(BASE);
const planned = (edits: Parameters<typeof edited>[0]): Plan => planOf(before, sideOf(edited(edits)));
const lines = ({ power }: Plan): string[] => power.map(({ effect, words }) => `${effect}: ${words}`);

const clerk = (from: string, to: string) => ({ "agents/clerk.yaml": [[from, to]] as const });
const house = (from: string, to: string) => ({ "policies/house.yaml": [[from, to]] as const });

const CASES: readonly (readonly [what: string, edits: Parameters<typeof edited>[0], said: readonly string[]])[] = [
  ["a tool gained that is asked for", clerk("tools: [", "tools: [github.issues.comment, "), ["wider: clerk gains github.issues.comment, asking rui each time"]],
  ["a tool gained that nobody is asked about", clerk("tools: [", "tools: [web.get, "), ["wider: clerk gains web.get without asking anybody"]],
  [
    "a group of tools gained",
    clerk("tools: [brain.search, github.issues.write]", "tools: [brain.search, github.issues.write, docs.*]"),
    ["wider: clerk gains every tool of docs without asking anybody"],
  ],
  [
    "a tool of which a team is asked",
    {
      "agents/clerk.yaml": [
        ["tools: [", "tools: [github.issues.comment, "],
        ["names: [rui]", "names: [rui], groups: [house]"],
      ],
    },
    ["wider: clerk gains github.issues.comment, asking rui or @house each time", "wider: clerk @house may now approve what it must ask for"],
  ],
  [
    "a shell, which policy has to allow",
    {
      "agents/clerk.yaml": [["tools: [", "tools: [box.run, "]],
      "tools/box.yaml": `${HEAD}kind: ToolServer\nname: box\nfrom: { by: shell, programs: [git] }\n`,
    },
    ["wider: the tools of box: is a new source of tools: it runs git", "same: clerk gains box.run, which policy denies (default)"],
  ],
  [
    "a search elsewhere",
    {
      "tools/find.yaml": `${HEAD}kind: ToolServer\nname: find\nfrom: { by: web, search: { provider: tavily, apiKey: "secret:tavily", baseUrl: "http://elsewhere.example" } }\n`,
    },
    ["wider: the tools of find: searches with tavily at http://elsewhere.example, was tavily"],
  ],
  ["a tool lost", clerk(", github.issues.write]", "]"), ["narrower: clerk loses github.issues.write"]],
  [
    "a group in place of its tool",
    clerk("brain.search, github.issues.write", "brain.search, github.*"),
    ["wider: clerk gains every tool of github without asking anybody"],
  ],
  [
    "an approval lost",
    clerk('["github.issues.*"]', "[docs.read]"),
    ["wider: clerk no longer asks before github.issues.*", "narrower: clerk asks before docs.read"],
  ],
  [
    "more approvers",
    clerk("names: [rui]", "names: [rui], roles: [operator]"),
    ["wider: clerk anyone with the role operator may now approve what it must ask for"],
  ],
  ["a team among the approvers", clerk("names: [rui]", "names: [rui], groups: [house]"), ["wider: clerk @house may now approve what it must ask for"]],
  [
    "a team that it is escalated to",
    clerk("quorum: 2", "quorum: 2, expiry: [{ after: 1h, do: escalate, to: { groups: [house] } }]"),
    ["wider: clerk @house may approve what it must ask for once nobody answered"],
  ],
  ["a lower quorum", clerk("quorum: 2", "quorum: 1"), ["wider: clerk what it must ask for needs 1 approval, was 2"]],
  ["separation given up", clerk("separation: true", "separation: false"), ["wider: clerk lets those who brought the work approve its acts"]],
  ["a larger cap", clerk("monthlyUsd: 20", "monthlyUsd: 50"), ["wider: clerk may spend $50 a month, was $20"]],
  ["a smaller cap", clerk("monthlyUsd: 20", "monthlyUsd: 5"), ["narrower: clerk may spend $5 a month, was $20"]],
  ["a cap gone", clerk("budget: { monthlyUsd: 20 }\n", ""), ["wider: clerk has no budget clerk:month any more; it could spend $20 a month"]],
  [
    "a cap that only warns",
    clerk("{ monthlyUsd: 20 }", "{ monthlyUsd: 20, onReach: warn }"),
    ["wider: clerk is only warned at the bound of clerk:month; before, each run waits and asks"],
  ],
  ["a wider memory", clerk("scope: channel", "scope: workspace"), ["wider: clerk remembers across its workspace, was its channel"]],
  ["a longer memory", clerk("retention: 30d", "retention: 90d"), ["wider: clerk keeps what it remembers for 90 days, was 30 days"]],
  [
    "a new surface",
    clerk('surfaces: [{ surface: slack, channel: "#ops" }]', 'surfaces: [{ surface: slack, channel: "#ops" }, { surface: discord }]'),
    ["wider: clerk can now be reached on discord"],
  ],
  ["no bound on surfaces", clerk('surfaces: [{ surface: slack, channel: "#ops" }]\n', ""), ["wider: clerk can be reached wherever a message is routed to it"]],
  ["another provider", clerk("anthropic:claude-haiku-4-5", "openai:gpt-5-mini"), ["wider: clerk sends its texts to the provider openai"]],
  [
    "another model of the same provider",
    clerk("claude-haiku-4-5", "claude-sonnet-4-5"),
    ["same: clerk thinks with other models, or chooses among them otherwise"],
  ],
  ["longer answers", clerk("maxOutputTokens: 500", "maxOutputTokens: 900"), ["wider: clerk may write 900 tokens at once, was 500"]],
  [
    "models for other clients",
    {
      "loop.yaml": `${BASE["loop.yaml"]}gateway: { models: [fast, { name: cheap, model: "openai:gpt-5-nano" }, { name: big, model: strong, scope: tokens:manage }] }\n`,
    },
    ["wider: the workspace offers other clients the models fast, cheap (openai:gpt-5-nano) and big (strong) with the scope tokens:manage"],
  ],
  ["fewer turns", clerk("maxTurns: 10", "maxTurns: 5"), ["narrower: clerk may think for 5 turns a run, was: may think for 10 turns a run"]],
  ["a delegate", clerk("handoffs: [desk]", "handoffs: [desk]\ndelegates: [desk]"), ["wider: clerk may now give work to desk"]],
  ["no handoff", clerk("handoffs: [desk]\n", ""), ["narrower: clerk may no longer hand its work over to desk"]],
  ["other instructions", clerk("maxTurns: 10", "maxTurns: 10\ninstructions: Be brief."), ["same: clerk has other instructions"]],
  ["rules in place of a model", clerk("runner: model", "runner: rules"), ["narrower: clerk goes by rules, without a model"]],
  [
    "an agent gone",
    { "agents/clerk.yaml": null, "triggers/night.yaml": null, "services/shop.yaml": null },
    [
      "narrower: clerk is gone",
      "narrower: the service shop is gone; nothing answers there any more",
      "narrower: the trigger night is gone; the schedule 0 3 * * * no longer starts clerk",
    ],
  ],
  [
    "a new agent",
    { "agents/new.yaml": `${HEAD}kind: Agent\nname: scout\ntools: [web.get]\nbudget: { dailyUsd: 1 }\n` },
    ["wider: scout is a new agent", "wider: scout gains web.get without asking anybody", "same: scout may spend $1 a day"],
  ],
  [
    "a rule that allows",
    { "policies/house.yaml": [["rules:", "rules:\n  - { name: free, when: { kind: message, cost: { upToUsd: 10 } }, then: allow, why: small }"]] },
    ["wider: the rule free is a new rule: it allows message acts that cost $10 or less"],
  ],
  [
    "a rule that denies",
    { "policies/house.yaml": [["rules:", "rules:\n  - { name: never, when: { name: [web.post] }, then: deny, why: no }"]] },
    ["narrower: the rule never is a new rule: it denies acts named web.post"],
  ],
  ["an ask less", house("then: ask", "then: allow"), ["wider: the rule dear allows message acts that cost more than $100, asked before them before"]],
  ["a deny more", house("then: ask", "then: deny"), ["narrower: the rule dear denies message acts that cost more than $100, asked before them before"]],
  [
    "a higher threshold",
    house("aboveUsd: 100", "aboveUsd: 200"),
    ["wider: the rule dear asks before message acts that cost more than $200; before: message acts that cost more than $100"],
  ],
  [
    "a lower threshold",
    house("aboveUsd: 100", "aboveUsd: 50"),
    ["narrower: the rule dear asks before message acts that cost more than $50; before: message acts that cost more than $100"],
  ],
  [
    "a condition that cannot be compared",
    house("kind: message", "kind: [tool]"),
    ["wider: the rule dear asks before tool acts that cost more than $100; before: message acts that cost more than $100"],
  ],
  [
    "an allow that fits more",
    house("when: { kind: model }", "when: { kind: [model, tool] }"),
    ["wider: the rule models allows model or tool acts; before: model acts"],
  ],
  [
    "another person who approves",
    house("names: [rui]", "names: [rui, ana]"),
    ["wider: the rule dear ana may now approve message acts that cost more than $100"],
  ],
  [
    "a rule gone",
    {
      "policies/house.yaml": [
        [
          "  - name: dear\n    when:\n      kind: message\n      cost: { aboveUsd: 100 }\n    then: ask\n    why: over a hundred\n    approvers: { names: [rui] }\n",
          "",
        ],
      ],
    },
    ["wider: the rule dear is gone; it asked before message acts that cost more than $100"],
  ],
  ["a reason", house("why: over a hundred", "why: dear"), ["same: the rule dear gives another reason"]],
  ["a larger budget", { "budgets/lisbon.yaml": [["500", "900"]] }, ["wider: shop lisbon may spend $900 a month, was $500"]],
  ["a longer period", { "budgets/lisbon.yaml": [["month", "day"]] }, ["wider: shop lisbon may spend $500 a day; the bound was for a month, and is for a day"]],
  ["another role", { "teams/house.yaml": [["roles: [approver]", "roles: [approver, admin]"]] }, ["wider: rui is now admin (may do everything)"]],
  [
    "a role less",
    { "teams/house.yaml": [["roles: [approver]", "roles: [viewer]"]] },
    ["wider: rui is now viewer (may read)", "narrower: rui is no longer approver"],
  ],
  [
    "another identity",
    { "teams/house.yaml": [["roles: [approver]", "roles: [approver], identities: [{ surface: slack, id: U1 }]"]] },
    ["wider: rui is also whoever writes as slack U1"],
  ],
  [
    "somebody new",
    { "teams/house.yaml": [["members:\n", "members:\n  - { id: eva, name: Eva, roles: [viewer] }\n"]] },
    ["wider: eva joins the team as viewer (may read)"],
  ],
  ["a repository", { "tools/github.yaml": [["[acme/web]", "[acme/web, acme/api]"]] }, ["wider: the tools of github: now reaches acme/api"]],
  ["another token", { "tools/github.yaml": [["secret:github", "secret:github-2"]] }, ["wider: the tools of github: has another credential"]],
  [
    "a tool trusted more",
    { "tools/github.yaml": [["effect: findable, risk: medium", "effect: read, risk: low, outbound: false"]] },
    [
      "wider: the tools of github: is trusted to say that issues.write has the effect read, was findable, is of low risk, was medium and no longer sends anything outside",
    ],
  ],
  [
    "another host",
    { "tools/web.yaml": [["[api.example.com]", '["*.example.com"]']] },
    ["wider: the tools of web: now reaches *.example.com", "narrower: the tools of web: no longer reaches api.example.com"],
  ],
  [
    "no sandbox for a server",
    { "tools/mcp.yaml": [["[docs-server]", "[docs-server], sandbox: off"]] },
    ["wider: the tools of docs: runs without a sandbox, was in the sandbox"],
  ],
  ["another program", { "tools/mcp.yaml": [["docs-server", "other-server"]] }, ["wider: the tools of docs: runs other-server, was docs-server"]],
  [
    "a new server",
    { "tools/files.yaml": `${HEAD}kind: ToolServer\nname: files\nfrom: { by: files, roots: [{ name: here, path: notes, write: true }] }\n` },
    ["wider: the tools of files: is a new source of tools: it reads notes and writes there"],
  ],
  [
    "a trigger",
    { "triggers/night.yaml": [["0 3 * * *", "0 4 * * *"]] },
    ["wider: the trigger night starts its agent on the schedule 0 4 * * *; before, on the schedule 0 3 * * *"],
  ],
  [
    "a new trigger",
    { "triggers/ci.yaml": `${HEAD}kind: Trigger\nname: ci\nagent: clerk\ntask: triage\non: { message: { surface: github, phrases: [failed] } }\n` },
    ['wider: the trigger ci is a new trigger: a message on github that says "failed" starts clerk with the task triage'],
  ],
  ["a path", { "services/shop.yaml": [["name: shop", "name: shop\npath: /chat"]] }, ["wider: the service shop now answers at /chat"]],
  [
    "a provider elsewhere",
    { "models/local.yaml": [["127.0.0.1:11434", "models.example.com"]] },
    ["wider: local is asked at http://models.example.com, was http://127.0.0.1:11434"],
  ],
  [
    "a price",
    { "loop.yaml": `${BASE["loop.yaml"]!}prices: { "local:x": { inputUsd: 1, outputUsd: 2 } }\n` },
    ["wider: local:x is reckoned at $1 in and $2 out for a million tokens, whatever the shipped table says"],
  ],
  [
    "no sandbox for checks",
    { "loop.yaml": `${BASE["loop.yaml"]!}sandbox: off\n` },
    ["wider: the workspace runs sensors and commands of checks without a sandbox"],
  ],
  ["a sensor", { "sensors/heat.sh": "echo 1\n" }, ["wider: the program sensors/heat.sh is another one"]],
  [
    "what a sensor reaches and is given",
    { "sensors/heat.sh": "# loop:network=api.example.com,*.example.org\n# loop:secret=KEY=secret:oven\necho 1\n" },
    [
      "wider: the sensor heat may reach api.example.com and *.example.org",
      "wider: the sensor heat is given secret:oven as KEY",
      "wider: the program sensors/heat.sh is another one",
    ],
  ],
  [
    "how often the world is looked at",
    { "loop.yaml": `${BASE["loop.yaml"]!}pulse: { interval: 5m, sensorConcurrency: 2 }\n` },
    ["same: the workspace looks at the world each 5 minutes, was 1 minute", "same: the workspace runs 2 sensors at once, was 8"],
  ],
  [
    "where notices go",
    { "loop.yaml": `${BASE["loop.yaml"]!}notification: { command: [notify-send, "{{message}}"], webhook: { url: "https://ntfy.example/alerts" } }\n` },
    [
      "wider: the workspace runs notify-send {{message}} on this machine, outside the sandbox, for each notice",
      "wider: the workspace posts each notice to https://ntfy.example/alerts",
    ],
  ],
  ["code", { "tools/add.ts": "export {};\n" }, ["wider: tools/add.ts is a new program that this workspace runs"]],
  ["a script of a skill", { "skills/fix-oven/scripts/heat.sh": "echo 2\n" }, ["wider: the program skills/fix-oven/scripts/heat.sh is another one"]],
  [
    "a threshold of an SOP",
    { "brain/sops/oven.md": [["severityAtOrAbove: 4", "severityAtOrAbove: 5"]] },
    ["wider: the SOP oven asks from severity 5 on, was 4"],
  ],
  ["who approves for an SOP", { "brain/sops/oven.md": [["names: [ana]", "names: [ana, rui]"]] }, ["wider: the SOP oven rui may now approve what it asks for"]],
  [
    "a check gone",
    { "brain/sops/oven.md": [["check: { by: sensor, sensor: heat, field: celsius, equals: 220 }\n", ""]] },
    ["wider: the SOP oven no longer checks that the work is done"],
  ],
  ["a lower severity", { "brain/sops/oven.md": [["severity: 3", "severity: 2"]] }, ["wider: the SOP oven starts at severity 2, was 3"]],
  [
    "a skill without its approval",
    { "skills/fix-oven/skill.yaml": [["approval: { approvers: { names: [rui] } }\n", ""]] },
    ["wider: the skill fix-oven no longer asks anybody by thresholds of its own"],
  ],
];

for (const [what, edits, said] of CASES)
  test(`a plan says: ${what}`, () => {
    const plan = planned(edits);
    assert.deepEqual(lines(plan), said);
    assert.equal(
      plan.widens,
      said.some((line) => line.startsWith("wider: ")),
    );
  });

test("a rule for a time says what it lifts and until when", () => {
  const added = house(
    "rules:",
    'rules:\n  - { name: known-firm, when: { kind: message }, then: allow, why: known, lifts: [dear], until: "2027-01-01T00:00:00Z" }',
  );
  assert.deepEqual(lines(planned(added)), [
    "wider: the rule known-firm is a new rule: it allows message acts, and lifts the asks of dear, until 2027-01-01T00:00:00Z",
  ]);
});

test("who belongs to a team may answer for it, so that is power", () => {
  const team = (also: string) => ({ "teams/night.yaml": `${HEAD}kind: Team\nname: night\nalso: [${also}]\nmembers: []\n` });
  assert.deepEqual(lines(planned(team("rui"))), ["wider: rui now belongs to the team night"]);
  const back = planOf(sideOf(edited(team("rui, ana"))), sideOf(edited(team("rui"))));
  assert.deepEqual(lines(back), ["narrower: ana no longer belongs to the team night"]);
});

test("nothing that changed is nothing to say, and layout is no change", () => {
  assert.deepEqual(planned({}), { widens: false, power: [], live: [] });
  assert.deepEqual(planned({ "agents/clerk.yaml": `# a comment\n${BASE["agents/clerk.yaml"]!}` }), { widens: false, power: [], live: [] });
});

test("direction and knowledge are no power", () => {
  const plan = planned({ "PLAYBOOK.md": "# Playbook\n\nCake first.\n" });
  assert.deepEqual(plan, { widens: false, power: [], live: [{ file: "PLAYBOOK.md", words: "PLAYBOOK.md: the text changed (1 lines added, 1 removed)" }] });
});

test("what goes back the way it came is narrower where it was wider, for every kind that has a direction", () => {
  const oneWay = new Set([
    "a condition that cannot be compared",
    "another token",
    "another program",
    "a trigger",
    "a provider elsewhere",
    "a price",
    "a sensor",
    "what a sensor reaches and is given",
    "a script of a skill",
    "another provider",
    "a longer period",
    "a role less",
    "another host",
    "an approval lost",
    "another person who approves",
    "a search elsewhere",
  ]);
  for (const [what, edits, said] of CASES.filter(([name]) => !oneWay.has(name))) {
    const back = planOf(sideOf(edited(edits)), before);
    if (said.every((line) => line.startsWith("wider"))) assert.equal(back.widens, false, `${what}: ${lines(back).join("; ")}`);
    if (said.every((line) => line.startsWith("narrower"))) assert.equal(back.widens, true, `${what}: ${lines(back).join("; ")}`);
  }
});

test("the first revision of a workspace says all of its power as new", () => {
  const first = planOf(null, before);
  const said = lines(first);
  for (const line of [
    "wider: clerk is a new agent",
    "wider: clerk gains github.issues.write, asking rui each time",
    "wider: rui joins the team as approver (may approve)",
    "wider: sensors/heat.sh is a new program that this workspace runs",
    "wider: the trigger night is a new trigger: the schedule 0 3 * * * starts clerk",
    "narrower: shop lisbon may spend $500 a month",
  ])
    assert.ok(said.includes(line), `${line}\n${said.join("\n")}`);
});
