import assert from "node:assert/strict";
import { test } from "node:test";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import { route } from "./route.ts";

const HEAD = "apiVersion: loopwright.dev/v1\n";
const trigger = (name: string, agent: string, message: string): string =>
  `${HEAD}kind: Trigger\nname: ${name}\nagent: ${agent}\ntask: triage\non: { message: ${message} }\n`;

function workspace() {
  const parsed = parseWorkspace(
    filesOf({
      ...SOUND_FILES,
      "agents/ci.yaml": `${HEAD}kind: Agent\nname: ci\n`,
      "agents/shops.yaml": `${HEAD}kind: Agent\nname: shops\nhandles: { labels: { shop: lisbon } }\n`,
      "triggers/a-ci.yaml": trigger("ci-failed", "ci", '{ surface: github, phrases: ["build failed", "tests failed"] }'),
      "triggers/b-bot.yaml": trigger("bot", "ci", "{ sender: ci-bot, labels: { shop: lisbon } }"),
    }),
  );
  assert.ok(parsed.kind === "ok", JSON.stringify(parsed));
  return parsed.workspace;
}

const usual = { surface: "http", sender: "ana", labels: {}, text: "hello" };

test("the first trigger that fits picks agent and task, and says what fitted", () => {
  const found = workspace();
  assert.deepEqual(route(found, { ...usual, surface: "github", text: "The Tests failed on main" }), {
    agent: "ci",
    task: "triage",
    reason: 'the trigger ci-failed fits: it came on github, it says "tests failed"',
  });
  assert.deepEqual(route(found, { ...usual, sender: "ci-bot", labels: { shop: "lisbon" } }), {
    agent: "ci",
    task: "triage",
    reason: "the trigger bot fits: ci-bot sent it, shop=lisbon",
  });
});

test("a trigger of which one part does not fit is passed by; whom the sender names comes first", () => {
  const found = workspace();
  assert.deepEqual(route(found, { ...usual, surface: "github" }), { agent: "desk", reason: "it is the agent that loop.yaml names for everything else" });
  assert.deepEqual(route(found, { ...usual, text: "tests failed" }).agent, "desk");
  assert.deepEqual(route(found, { ...usual, labels: { shop: "lisbon" } }), { agent: "shops", reason: "it handles shop=lisbon" });
  assert.deepEqual(route(found, { ...usual, surface: "github", text: "tests failed", agent: "desk" }), { agent: "desk", reason: "the sender named it" });
});
