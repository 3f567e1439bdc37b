import assert from "node:assert/strict";
import { test } from "node:test";
import { documentedOpenLoopAgent } from "#src/testing/openloop-agent.ts";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "./load.ts";
import { problemsText } from "./problem.ts";

const FILE = "agents/engineering.yaml";

const TEXT = `apiVersion: openloop.ai/v1alpha1
kind: Agent
metadata:
  name: engineering
  workspace: acme
spec:
  surfaces:
    - type: slack
      channel: "#engineering"
    - type: github
  memory:
    scope: workspace
    backend: postgres
    retention_days: 30
  model_policy:
    default: anthropic/claude-haiku-4-5
    routes:
      - match: { task: code }
        model: openrouter/anthropic/claude-sonnet-4-6
  tools:
    - name: github
      type: native
      permissions: [issues.read, issues.write]
    - name: tracker
      type: mcp
      server: linear
      permissions: [create_issue]
  approvals:
    require_for: [github.issues.write, tracker.create_issue]
    approvers: ["@house", approver, U0ANA]
  budget:
    monthly_usd: 50
    per_task_usd: 0.5
    on_exceeded: warn
`;

const TEAM = SOUND_FILES["teams/house.yaml"].replace("roles: [owner],", "roles: [owner], identities: [{ surface: slack, id: U0ANA }],");
const parsed = (text: string) => parseWorkspace(filesOf({ ...SOUND_FILES, "teams/house.yaml": TEAM, [FILE]: text }));

test("an agent file of OpenLoop is read unchanged and means here what it means there", () => {
  const read = parsed(TEXT);
  if (read.kind === "problems") assert.fail(problemsText(read.problems));
  const agent = read.workspace.agents.find(({ name }) => name === "engineering")!;
  const { surfaces, memory, models, tools, approvals, budget, procedure, runner, notes } = agent;
  assert.deepEqual(
    { surfaces, memory, tools, budget, procedure, runner, notes },
    {
      surfaces: [{ surface: "slack", channel: "#engineering" }, { surface: "github" }],
      memory: { scope: "workspace", retention: 30 * 86_400_000 },
      tools: ["github.issues.read", "github.issues.write", "linear.create_issue"],
      budget: { monthlyUsd: 50, perRunUsd: 0.5, onReach: "warn" },
      procedure: "chat",
      runner: "model",
      notes: ["is an agent of OpenLoop, made for its workspace acme"],
    },
  );
  assert.equal(models?.default, "anthropic:claude-haiku-4-5");
  assert.deepEqual(models?.routes, [{ tasks: ["code"], model: "openrouter:anthropic/claude-sonnet-4-6" }]);
  assert.deepEqual(approvals?.requireFor, ["github.issues.write", "linear.create_issue"]);
  assert.deepEqual(approvals?.approvers, { roles: ["approver"], names: ["ana"], groups: ["house"] });
  assert.deepEqual(
    read.workspace.budgets.filter(({ source }) => source === FILE).map(({ name, capUsd, onReach }) => [name, capUsd, onReach]),
    [
      ["engineering:month", 50, "warn"],
      ["engineering:run", 0.5, "warn"],
    ],
  );
});

test("only name, workspace and the default model must be said", () => {
  const read = parsed(
    "apiVersion: openloop.ai/v1alpha1\nkind: Agent\nmetadata: { name: small, workspace: acme }\nspec: { model_policy: { default: openai/gpt-5-mini } }\n",
  );
  if (read.kind === "problems") assert.fail(problemsText(read.problems));
  const { memory, tools, approvals, budget } = read.workspace.agents.find(({ name }) => name === "small")!;
  assert.deepEqual(
    { memory, tools, approvals, budget },
    { memory: { scope: "channel", retention: 90 * 86_400_000 }, tools: [], approvals: undefined, budget: undefined },
  );
});

test("permissions with a colon are the tools of the connector, and @name is a person where no team is called so", () => {
  const read = parsed(documentedOpenLoopAgent(["@ana", "@house"]));
  if (read.kind === "problems") assert.fail(problemsText(read.problems));
  const { tools, approvals, openLoop } = read.workspace.agents.find(({ name }) => name === "dev-platform")!;
  assert.deepEqual(tools, ["github.issues.write", "github.pulls.read"]);
  assert.deepEqual(
    [approvals?.requireFor, approvals?.approvers],
    [["github.issues.write", "github.pulls.write"], { roles: [], names: ["ana"], groups: ["house"] }],
  );
  assert.deepEqual(openLoop, { workspace: "acme", actions: { "github.issues:write": "github.issues.write", "github.pulls:read": "github.pulls.read" } });
  const nobody = parsed(documentedOpenLoopAgent(["@owner", "@house"]));
  assert.match(nobody.kind === "problems" ? problemsText(nobody.problems) : "read", /the approver @owner, who is nobody/);
});

const REFUSED: readonly (readonly [from: string, to: string, said: RegExp])[] = [
  ["openloop.ai/v1alpha1", "openloop.ai/v1beta1", /engineering\.yaml:1:13: apiVersion: seen "openloop\.ai\/v1beta1"\. Expected openloop\.ai\/v1alpha1/],
  ["openloop.ai/v1alpha1", "agents.example.com/v1", /engineering\.yaml:1:13: apiVersion: seen "agents\.example\.com\/v1"\. Expected loopwright\.dev\/v1/],
  ["  workspace: acme\n", "", /engineering\.yaml:\d+:\d+: metadata\.workspace: seen nothing\. Expected a text/],
  ["    default: anthropic/claude-haiku-4-5\n", "", /spec\.model_policy\.default: seen nothing/],
  ["anthropic/claude-haiku-4-5", "claude-haiku-4-5", /spec\.model_policy\.default: seen "claude-haiku-4-5"\. Expected provider\/model/],
  [
    "retention_days",
    "retention_day",
    /engineering\.yaml:14:5: spec\.memory\.retention_day: seen the unknown field retention_day\. .*Did you mean retention_days\?/,
  ],
  ["on_exceeded: warn", "on_exceeded: wran", /spec\.budget\.on_exceeded: seen "wran"\. Expected one of block, warn\. Did you mean warn\?/],
  [
    "@house",
    "@hosue",
    /engineering\.yaml:30:17: spec\.approvals\.approvers\[0\]: seen the approver @hosue, who is nobody in teams\/\. Expected one of @house, ana, rui, or a role\. Did you mean @house\?/,
  ],
  ["name: engineering", "name: desk", /the agent desk a second time/],
];

for (const [from, to, said] of REFUSED)
  test(`what is not as documented is refused at its place: ${to || `without ${from.trim()}`}`, () => {
    const read = parsed(TEXT.replace(from, to));
    assert.equal(read.kind, "problems");
    assert.match(read.kind === "problems" ? problemsText(read.problems) : "", said);
  });

test("what cannot be done here is said, not dropped", () => {
  const read = parsed(
    TEXT.replace("backend: postgres", "backend: redis").replace("permissions: [create_issue]", "permissions: []").replace(", tracker.create_issue", ""),
  );
  if (read.kind === "problems") assert.fail(problemsText(read.problems));
  assert.deepEqual(read.workspace.agents.find(({ name }) => name === "engineering")!.notes?.slice(1), [
    "asks for the memory backend redis; what it remembers is kept in the record, in Postgres",
    "lists tracker without permissions, which gives it no tool",
  ]);
});
