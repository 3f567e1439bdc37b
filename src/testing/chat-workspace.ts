import type { FileSet } from "#src/workspace/files.ts";
import { filesOf } from "./workspace-files.ts";

const HEADER = "apiVersion: loopwright.dev/v1";

/** A workspace with one agent that talks to a scripted model and may call `effect.*`; what is named `careful` is asked for. */
export function chatWorkspace(more: Readonly<Record<string, string>> = {}): FileSet {
  return filesOf({
    "loop.yaml": `${HEADER}
kind: Workspace
name: chats
models: { strong: "scripted:one", fast: "scripted:one" }
prices: { "scripted:*": { inputUsd: 1, outputUsd: 2 } }
`,
    "agents/helper.yaml": `${HEADER}
kind: Agent
name: helper
runner: model
procedure: chat
instructions: Do what you are told.
tools: [effect.idempotent, effect.findable, effect.once, effect.careful]
`,
    "teams/all.yaml": `${HEADER}
kind: Team
name: all
members:
  - { id: ana, name: Ana, roles: [owner] }
  - { id: rui, name: Rui, roles: [approver] }
`,
    "policies/all.yaml": `${HEADER}
kind: Policy
name: all
rules:
  - { name: think, when: { kind: model }, then: allow, why: thinking is free }
  - { name: effects, when: { kind: tool, name: "effect.*" }, then: allow, why: it is a test }
  - { name: careful, when: { kind: tool, name: effect.careful }, then: ask, why: somebody should look }
  - { name: never, when: { kind: tool, name: "*.forbidden" }, then: deny, why: not here }
`,
    ...more,
  });
}
