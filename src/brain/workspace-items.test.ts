import assert from "node:assert/strict";
import test from "node:test";
import { filesOf, SOUND_FILES } from "#src/testing/workspace-files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import { problemsText } from "#src/workspace/problem.ts";
import { itemsOf } from "./workspace-items.ts";

function itemsOfFiles(changed: Record<string, string> = {}) {
  const parsed = parseWorkspace(filesOf({ ...SOUND_FILES, ...changed }));
  if (parsed.kind === "problems") assert.fail(problemsText(parsed.problems));
  return itemsOf(parsed.workspace);
}

test("every file of knowledge becomes items that say where they come from, what they are about and whom to trust", () => {
  const items = itemsOfFiles().map(({ id, title, labels, categories, trust, author, happenedAtMs }) => ({
    id,
    title,
    labels,
    categories,
    trust,
    author,
    happenedAtMs,
  }));
  const plain = { labels: {}, categories: [], trust: "owner", author: null, happenedAtMs: null };
  assert.deepEqual(items, [
    { ...plain, id: "sop:brain/sops/oven.md", title: "The oven fails", categories: ["oven"] },
    {
      id: "skill:skills/fix-oven/SKILL.md",
      title: "fix-oven",
      labels: { shop: "lisbon" },
      categories: ["oven"],
      trust: "learned",
      author: "ana",
      happenedAtMs: Date.UTC(2026, 0, 1),
    },
    { ...plain, id: "voice:brain/voice/gas.md", title: "Gas first", labels: { shop: "lisbon" }, author: "ana", happenedAtMs: Date.UTC(2026, 0, 2, 8) },
    {
      ...plain,
      id: "history:brain/history/2025.yaml#oven-1",
      title: "Cold oven",
      categories: ["oven"],
      trust: "member",
      happenedAtMs: Date.UTC(2025, 3, 1, 10),
    },
    { ...plain, id: "entity:brain/entities/shops.yaml#lisbon", title: "Lisbon", labels: { shop: "lisbon" } },
    { ...plain, id: "entity:brain/entities/vendors.json#forno", title: "Forno Lda", labels: { vendor: "forno" } },
  ]);
});

test("how to reach a vendor does not get into what is recalled", () => {
  const vendors = `{ "apiVersion": "loopwright.dev/v1", "kind": "Entities", "entity": "vendor",
    "items": [{ "id": "forno", "name": "Forno Lda", "contact": { "surface": "outbox", "address": "+351-555-0199" } }] }`;
  assert.ok(!JSON.stringify(itemsOfFiles({ "brain/entities/vendors.json": vendors })).includes("0199"));
});

test("a change to a file changes the digest of its item and of no other", () => {
  const digests = (changed: Record<string, string>) => new Map(itemsOfFiles(changed).map((item) => [item.id, item.digest]));
  const before = digests({});
  const after = digests({ "brain/sops/oven.md": SOUND_FILES["brain/sops/oven.md"].replace("gas off", "gas OFF") });
  assert.deepEqual(
    [...after].filter(([id, digest]) => before.get(id) !== digest).map(([id]) => id),
    ["sop:brain/sops/oven.md"],
  );
});
