import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FileSet } from "#src/workspace/files.ts";

export function filesOf(texts: Readonly<Record<string, string>>): FileSet {
  return new Map(Object.entries(texts).map(([path, text]) => [path, Buffer.from(text)]));
}

/** Puts these files, by their paths, into a folder, which is made where it is not there. */
export async function writeFiles(folder: string, files: Iterable<readonly [path: string, content: string | Uint8Array]>): Promise<void> {
  for (const [path, content] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** A small workspace in which everything is sound and refers to everything else. Spread it and replace what a test is about. */
export const SOUND_FILES = {
  "loop.yaml": "apiVersion: loopwright.dev/v1\nkind: Workspace\nname: bakery\nsubject: shop\ndefaults: { agent: desk }\n",
  "PLAYBOOK.md": "# Playbook\n\nBread first.\n",
  "agents/desk.yaml": "apiVersion: loopwright.dev/v1\nkind: Agent\nname: desk\n",
  "teams/house.yaml": `apiVersion: loopwright.dev/v1
kind: Team
name: house
members:
  - { id: ana, name: Ana, roles: [owner], looksAfter: { shop: [lisbon] } }
  - { id: rui, name: Rui, roles: [approver] }
`,
  "policies/house.yaml": `apiVersion: loopwright.dev/v1
kind: Policy
name: house
rules:
  - name: models
    when: { kind: model }
    then: allow
    why: thinking is free
  - name: dear
    when:
      kind: message
      cost: { aboveUsd: 100 }
    then: ask
    why: over a hundred
    approvers: { names: [rui] }
`,
  "budgets/lisbon.yaml": "apiVersion: loopwright.dev/v1\nkind: Budget\nname: lisbon\nscope: { label: shop, value: lisbon }\nperiod: month\ncapUsd: 500\n",
  "brain/entities/shops.yaml":
    "apiVersion: loopwright.dev/v1\nkind: Entities\nentity: shop\nitems:\n  - { id: lisbon, name: Lisbon, preferredVendors: { oven: [forno] } }\n",
  "brain/entities/vendors.json":
    '{ "apiVersion": "loopwright.dev/v1", "kind": "Entities", "entity": "vendor", "items": [{ "id": "forno", "name": "Forno Lda" }] }',
  "brain/sops/oven.md": `---
id: oven
title: The oven fails
category: oven
severity: 3
preferredVendors: [forno]
escalation: { severityAtOrAbove: 4, approvers: { names: [ana] } }
check: { by: sensor, sensor: heat, field: celsius, equals: 220 }
---

Turn the gas off first.
`,
  "brain/voice/gas.md": "---\ntitle: Gas first\nspeaker: ana\nlanguage: pt\nrecordedAt: 2026-01-02T08:00:00Z\nlabels: { shop: lisbon }\n---\nPrimeiro o gás.\n",
  "brain/history/2025.yaml": `apiVersion: loopwright.dev/v1
kind: History
items:
  - { id: oven-1, title: Cold oven, category: oven, vendor: forno, resolvedAt: "2025-04-01T10:00:00Z", summary: New thermostat. }
`,
  "skills/fix-oven/SKILL.md": "---\nname: fix-oven\ndescription: Gets the oven going.\n---\nCall the firm.\n",
  "skills/fix-oven/skill.yaml": `apiVersion: loopwright.dev/v1
kind: Skill
category: oven
preferredVendors: [forno]
triggers: { labels: { shop: lisbon } }
approval: { approvers: { names: [rui] } }
sources: { by: ana, at: "2026-01-01T00:00:00Z" }
`,
  "skills/fix-oven/scripts/heat.sh": "echo 220\n",
  "goals/stock.md": "# Flour for a week\n\nAlways.\n",
  "sensors/heat.sh": "echo '{\"celsius\":220}'\n",
} as const satisfies Record<string, string>;
