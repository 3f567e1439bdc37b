import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemoryStoryShape } from "../client/memory-shapes.ts";
import type { ActShape } from "../client/shapes.ts";
import { memoryListText, memoryStoryText } from "./memories.ts";
import { recalledText } from "./recalled.ts";

const LOOK = { width: 200, colour: false, nowMs: 0 };

const STORY: MemoryStoryShape = {
  id: "mem_1",
  kind: "decision",
  text: "We release on Tuesdays\u202e.",
  about: "release day",
  scope: { kind: "agent", of: "helper" },
  agent: "helper",
  personId: null,
  source: { run: "run_1", ticket: "tkt_1" },
  untrusted: true,
  taint: ["outside", "agent"],
  state: "questioned",
  askId: "ask_1",
  against: ["mem_0"],
  rememberedAt: "2026-01-01T00:00:00.000Z",
  expiresAt: "2026-04-01T00:00:00.000Z",
  told: [{ run: "run_2", agent: "helper", at: "2026-01-02T00:00:00.000Z" }],
};

test("a memory is shown with its place, trust and source, and what hides in its words is made visible", () => {
  assert.equal(
    memoryListText([STORY], LOOK),
    "decision  release day  questioned\n  We release on Tuesdays⟨U+202E⟩.\n  mem_1 · agent helper · helper · untrusted · from run_1",
  );
  assert.match(memoryListText([], LOOK), /Nothing is remembered here/);
});

test("why says where it came from, what its run had read, what it contradicts, until when it stays and who was told it", () => {
  assert.deepEqual(memoryStoryText(STORY, LOOK).split("\n").slice(4), [
    "  remembered: 2026-01-01T00:00:00.000Z by helper in run_1, ticket tkt_1",
    "  trust: untrusted: a stranger may have had a word in it; its run had read: outside, agent",
    "  stays until: 2026-04-01T00:00:00.000Z",
    "  questioned: it contradicts mem_0; ask_1 asks which should stand",
    "  told to: helper in run_2, 2026-01-02T00:00:00.000Z",
  ]);
});

test("a run shows what it recalled, from where and why", () => {
  const memory = { id: "mem_1", kind: "fact", text: "The hall is cold.", source: { run: "run_1" }, untrusted: false, why: "2 words in common" };
  const act = { name: "memory.recall", state: "done", result: { memories: [memory] } } as unknown as ActShape;
  assert.deepEqual(recalledText([act], LOOK), ["recalled\n  fact: The hall is cold.\n  mem_1 · trusted · from run_1 · 2 words in common"]);
  assert.deepEqual(recalledText([{ ...act, state: "denied", result: null }], LOOK), []);
});
