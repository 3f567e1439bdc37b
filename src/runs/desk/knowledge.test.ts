import assert from "node:assert/strict";
import { test } from "node:test";
import type { Ticket } from "#src/tickets/ticket.ts";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { demandsOf } from "./demands.ts";
import { knowledgeFor } from "./knowledge.ts";

function workspaceOf(more: Readonly<Record<string, string>>): Workspace {
  const parsed = parseWorkspace(filesOf({ ...SOUND_FILES, ...more }));
  assert.ok(parsed.kind === "ok", JSON.stringify(parsed));
  return parsed.workspace;
}

const ticketWith = (labels: Record<string, string>, body = "the oven is cold"): Ticket => ({ body, labels }) as unknown as Ticket;
const skill = (name: string, triggers: string) => ({
  [`skills/${name}/SKILL.md`]: `---\nname: ${name}\ndescription: x\n---\nDo it.\n`,
  [`skills/${name}/skill.yaml`]: SOUND_FILES["skills/fix-oven/skill.yaml"].replace("{ labels: { shop: lisbon } }", triggers),
});
const sop = (id: string, more: string) => ({ [`brain/sops/${id}.md`]: `---\nid: ${id}\ntitle: ${id}\ncategory: oven\n${more}---\nx\n` });

test("of several skills that fit the one whose labels say most is taken, wherever its file stands", () => {
  const workspace = workspaceOf({
    ...skill("a-general", "{}"),
    ...skill("b-floor", '{ labels: { shop: lisbon, floor: "2" } }'),
    ...skill("c-smoke", '{ labels: { shop: lisbon, floor: "2", wing: east }, phrases: [smoke] }'),
  });
  const taken = (labels: Record<string, string>, body?: string) => knowledgeFor(workspace, ticketWith(labels, body), "oven").skill?.name;
  assert.deepEqual(
    [taken({}), taken({ shop: "lisbon" }), taken({ shop: "lisbon", floor: "2" }), taken({ shop: "lisbon", floor: "2", wing: "east" })],
    ["a-general", "fix-oven", "b-floor", "b-floor"],
  );
  assert.equal(taken({ shop: "lisbon", floor: "2", wing: "east" }, "smoke"), "c-smoke");
});

test("of several SOPs of a category the one for this place is taken, and where all are for other places the thresholds of one of them still hold", () => {
  const { "brain/sops/oven.md": _general, "skills/fix-oven/skill.yaml": _skill, ...rest } = SOUND_FILES;
  const shops = { "brain/entities/shops.yaml": `${rest["brain/entities/shops.yaml"]}  - { id: porto, name: Porto }\n` };
  const both = { ...shops, ...sop("a-lisbon", "labels: { shop: lisbon }\n") };
  const taken = (workspace: Workspace, labels: Record<string, string>) => knowledgeFor(workspace, ticketWith(labels), "oven").sop?.id;
  const withGeneral = workspaceOf(both);
  assert.deepEqual([taken(withGeneral, { shop: "lisbon" }), taken(withGeneral, { shop: "porto" }), taken(withGeneral, {})], ["a-lisbon", "oven", "oven"]);
  const parsed = parseWorkspace(filesOf({ ...rest, ...both }));
  assert.ok(parsed.kind === "ok");
  assert.equal(taken(parsed.workspace, { shop: "porto" }), "a-lisbon");
});

test("two SOPs for the same tickets are refused: the thresholds of one would not count", () => {
  const parsed = parseWorkspace(filesOf({ ...SOUND_FILES, ...sop("stove", "") }));
  assert.ok(parsed.kind === "problems");
  assert.deepEqual(
    parsed.problems.map(({ file, line, seen, expected }) => ({ file, line, seen, expected })),
    [
      {
        file: "brain/sops/stove.md",
        line: 4,
        seen: "a second SOP for the category oven with the same labels",
        expected: "one SOP, or other labels; the first is brain/sops/oven.md",
      },
    ],
  );
});

test("a draft without a cost is weighed by the higher estimate of SOP and skill, and without any as unknown", () => {
  const why = (sopEstimate: string, skillEstimate: string, costUsd: number | null = null) => {
    const workspace = workspaceOf({
      "brain/sops/oven.md": SOUND_FILES["brain/sops/oven.md"].replace("severityAtOrAbove: 4", "costAboveUsd: 100").replace("---\n\n", `${sopEstimate}---\n\n`),
      "skills/fix-oven/skill.yaml": `${SOUND_FILES["skills/fix-oven/skill.yaml"]}costCapUsd: 50\n${skillEstimate}`,
    });
    const known = knowledgeFor(workspace, ticketWith({ shop: "lisbon" }), "oven");
    return demandsOf(known, { severity: 1, risks: [], costUsd }).map((demand) => `${demand.source}: ${demand.why}`);
  };
  assert.deepEqual(why("", ""), ["sop:oven: an unknown cost is above $100", "skill:fix-oven: an unknown cost is above its cap of $50"]);
  assert.deepEqual(why("costEstimateUsd: 20\n", ""), []);
  assert.deepEqual(why("costEstimateUsd: 20\n", "costEstimateUsd: 80\n"), ["skill:fix-oven: the estimate of $80 is above its cap of $50"]);
  assert.deepEqual(why("costEstimateUsd: 20\n", "", 120), ["sop:oven: $120 is above $100", "skill:fix-oven: $120 is above its cap of $50"]);
});
