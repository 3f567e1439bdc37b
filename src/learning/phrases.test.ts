import assert from "node:assert/strict";
import { test } from "node:test";
import { commonPhrases } from "./phrases.ts";

const OTHERS = [
  "the towels are on the floor",
  "please bring the towels to the door",
  "we cannot open the door",
  "the wifi is slow and we have a meeting",
  "please help, the code of the door is wrong",
  "浴室的毛巾不夠，請再送兩條",
  "請問無線網路的密碼",
  "門打不開，請幫忙",
  "the key is lost",
  "the bed sheets are old",
];
const sources = (more: Partial<Parameters<typeof commonPhrases>[1]> = {}) => ({ known: [], others: OTHERS, senders: [], isOneReporter: false, ...more });

test("phrases are what both messages say and other categories do not: the SOP's own first, then single words, the rarest first", () => {
  const bodies = ["The boiler in the bath is dripping on the door", "our boiler drips, it is dripping since 10 and the door is wet"];
  assert.deepEqual(commonPhrases(bodies, sources({ known: ["leak", "dripping", "is dripping"] })), ["dripping", "is dripping", "boiler"]);
});

test("what both have in common only in their numbers, particles or the name of who wrote is no phrase", () => {
  const bodies = ["Tanaka here, room 204, it is so hot", "204 again, Tanaka, it is so cold"];
  assert.deepEqual(commonPhrases(bodies, sources({ senders: ["tanaka@guest.example"] })), []);
});

test("scripts without spaces have phrases of whole words", () => {
  assert.deepEqual(commonPhrases(["主臥的冷氣漏水到地上", "冷氣又漏水了，插座旁邊"], sources({ known: ["漏水"] })), ["漏水", "冷氣"]);
});

test("two languages have no phrase in common, and none is made up", () => {
  assert.deepEqual(commonPhrases(["the boiler leaks", "冷氣漏水"], sources({ known: ["leaks", "漏水"] })), []);
});

test("one reporter's habits, and words with too little to hold them against, are left out", () => {
  const bodies = ["the boiler is dripping", "the boiler is still dripping"];
  assert.deepEqual(commonPhrases(bodies, sources({ known: ["dripping"], isOneReporter: true })), ["dripping"]);
  assert.deepEqual(commonPhrases(bodies, sources({ known: ["dripping"], others: OTHERS.slice(0, 3) })), ["dripping"]);
});
