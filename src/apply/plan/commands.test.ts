import assert from "node:assert/strict";
import { test } from "node:test";
import { agentManifest } from "#src/workspace/manifest/agent.ts";
import type { Agent } from "#src/workspace/model.ts";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import { agentSaid } from "./agents.ts";

const parsed = parseWorkspace(filesOf(SOUND_FILES));
assert.ok(parsed.kind === "ok");
const now = parsed.workspace;

const agent = (command: object): Agent => ({
  ...agentManifest.parse({ apiVersion: "loopwright.dev/v1", kind: "Agent", name: "coder", runner: "command", command }),
  source: "agents/coder.yaml",
});
const said = (before: object | undefined, after: object) =>
  agentSaid(before && agent(before), agent(after), { now }).map(([effect, words]) => `${effect}: ${words}`);

test("a plan says who may start which command, where, and what it may write and reach", () => {
  const command = {
    preset: "custom",
    run: "mine {{prompt_file}}",
    folder: "/srv/app",
    writable: ["/srv/cache"],
    homeFolders: [".mine"],
    env: { KEY: "secret:mine" },
  };
  assert.deepEqual(said(undefined, command), [
    "wider: is a new agent that starts a program",
    "wider: may start mine {{prompt_file}} in /srv/app, with the whole network",
    "wider: lets its command write /srv/cache",
    "wider: lets its command use, of the home folder of the account, .mine",
    "wider: gives its command KEY",
  ]);
  assert.deepEqual(
    said(command, { ...command, preset: "claude", run: undefined, folder: undefined, writable: [], network: false, env: { KEY: "secret:other" } }),
    [
      "wider: may start claude, was mine {{prompt_file}}",
      "wider: works in a folder of its own, was /srv/app",
      "narrower: no longer lets its command write /srv/cache",
      "wider: gives its command other values for KEY",
      "narrower: lets its command use no network",
    ],
  );
});

test("a command is taken only with its runner, whole, and without variables that are ours", () => {
  const problemOf = (given: object): string => {
    const read = agentManifest.safeParse({ apiVersion: "loopwright.dev/v1", kind: "Agent", name: "coder", runner: "command", ...given });
    return read.success ? "" : read.error.issues.map(({ message }) => message).join("; ");
  };
  assert.equal(problemOf({ command: { preset: "pi" } }), "");
  assert.match(problemOf({}), /expected `command` with the runner command/);
  assert.match(problemOf({ runner: "model", command: { preset: "pi" } }), /and with no other/);
  assert.match(problemOf({ command: { preset: "custom" } }), /since the preset is custom/);
  assert.match(problemOf({ command: { preset: "custom", run: "mine" } }), /where the file of the prompt goes/);
  assert.match(problemOf({ command: { preset: "pi", env: { LOOP_TOKEN: "x" } } }), /Invalid key/);
  assert.match(problemOf({ command: { preset: "pi", env: { KEY: "secret:" } } }), /a reference such as/);
  assert.match(problemOf({ command: { preset: "pi", folder: "../x" } }), /an absolute path/);
  assert.match(problemOf({ command: { preset: "pi", homeFolders: ["../x"] } }), /inside the home folder/);
});
