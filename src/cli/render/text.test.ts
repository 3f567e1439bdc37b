import assert from "node:assert/strict";
import { test } from "node:test";
import { statusWord, toned } from "./look.ts";
import { moneyText, spentText, usdText } from "./money.ts";
import { pageOf } from "./page.ts";
import { plain, plainLine } from "#src/kernel/plain.ts";
import { pairsText, tableText } from "./table.ts";
import { agoText, lengthText } from "./time.ts";
import { columns, cut, padded, wrapped } from "./width.ts";

const LOOK = { width: 40, colour: false, nowMs: Date.parse("2026-11-20T10:00:00Z") };

test("what moves the cursor, turns the direction or hides is made visible, and words of every language stay", () => {
  assert.equal(plain("a\u001b[31mred\u0007\u202eabc\u200b\u{e0041}"), "a⟨U+001B⟩[31mred⟨U+0007⟩⟨U+202E⟩abc⟨U+200B⟩⟨U+E0041⟩");
  assert.equal(plain("冷氣漏水\tน้ำหยด 👨‍👩‍👧 café\r\nnext"), "冷氣漏水\tน้ำหยด 👨‍👩‍👧 café\nnext");
  assert.equal(plain("half \ud800"), "half \ufffd");
  assert.equal(plainLine(" two\n lines\u2028of text "), "two lines⟨U+2028⟩of text");
});

test("width counts columns: two for Han, kana and Hangul, none for combining marks and colours", () => {
  assert.deepEqual(["abc", "冷氣", "カナ", "한글", "น้ำ", "e\u0301", "\u001b[31mred\u001b[0m", "👍"].map(columns), [3, 4, 4, 4, 2, 1, 3, 2]);
  assert.equal(padded("冷", 4), "冷  ");
  assert.equal(padded("7", 3, "right"), "  7");
  assert.equal(cut("冷氣漏水", 5), "冷氣…");
  assert.equal(cut("short", 5), "short");
});

test("text is broken at spaces, between wide characters, and inside a word that is longer than a line", () => {
  assert.deepEqual(wrapped("one two three", 8), ["one two", "three"]);
  assert.deepEqual(wrapped("冷氣漏水，插座旁邊", 10), ["冷氣漏水，", "插座旁邊"]);
  assert.deepEqual(wrapped("abcdefghijklmnop", 8), ["abcdefgh", "ijklmnop"]);
  assert.deepEqual(wrapped("a\n\nb", 8), ["a", "", "b"]);
  assert.deepEqual(wrapped("   indented words go on", 14), ["   indented", "   words go on"]);
  for (const line of wrapped("漏水 leak ".repeat(40), 17)) assert.ok(columns(line) <= 17, line);
});

test("money says its size, and what is unknown is never a number", () => {
  assert.deepEqual([0, 43_000_000, 400_000, 12_500_000_000, null].map(moneyText), ["$0.000", "$0.043", "$0.00040", "$12.50", "unknown"]);
  assert.deepEqual([138, 6.5, null, undefined].map(usdText), ["$138", "$6.50", "unknown", "unknown"]);
  assert.equal(spentText({ costNanos: 43_000_000, unknownCalls: 0 }), "$0.043");
  assert.equal(spentText({ costNanos: 0, unknownCalls: 1 }), "unknown (1 call)");
  assert.equal(spentText({ costNanos: 43_000_000, unknownCalls: 2 }), "unknown (2 calls), and $0.043 known");
});

test("time is said from now, in its largest unit", () => {
  const from = (seconds: number): string => agoText(new Date(LOOK.nowMs + seconds * 1_000).toISOString(), LOOK.nowMs);
  assert.deepEqual([0, -1, -59, -3_599, -7_200, -200_000, 90].map(from), ["now", "1 s ago", "59 s ago", "59 min ago", "2 h ago", "2 d ago", "in 1 min"]);
  assert.deepEqual([3_600, 7_199, 86_399, 86_400, 180_000].map(from), ["in 1 h", "in 1 h 59 min", "in 23 h 59 min", "in 1 d", "in 2 d 2 h"]);
  assert.equal(lengthText(500), "0 s");
});

test("a table is no wider than the page: the widest column that may be cut is cut", () => {
  const rows = [
    { id: "1", text: "冷氣漏水，水離插座很近，請馬上派人來處理這個問題" },
    { id: "12", text: "short" },
  ];
  const text = tableText(
    rows,
    [
      { head: "#", cell: ({ id }) => id, align: "right" },
      { head: "text", cell: ({ text: said }) => said, least: 10 },
    ],
    LOOK,
  );
  assert.equal(text, " #  text\n 1  冷氣漏水，水離插座很近，請馬上派人…\n12  short");
  for (const line of text.split("\n")) assert.ok(columns(line) <= LOOK.width);
});

test("names and values stand in two columns", () => {
  assert.equal(
    pairsText(
      [
        ["a", "1"],
        ["long", "2"],
      ],
      LOOK,
    ),
    "a     1\nlong  2",
  );
});

test("colour is used on a terminal only, and not where NO_COLOR says so; every status has a sign beside its colour", () => {
  assert.equal(pageOf({}, { isTTY: true, columns: 200 }).colour, true);
  assert.equal(pageOf({ NO_COLOR: "1" }, { isTTY: true }).colour, false);
  assert.equal(pageOf({ TERM: "dumb" }, { isTTY: true }).colour, false);
  assert.deepEqual([pageOf({}, {}).colour, pageOf({}, {}).width, pageOf({}, { columns: 200 }).width], [false, 80, 100]);
  assert.equal(toned("x", "bad", { colour: true }), "\u001b[31;1mx\u001b[0m");
  assert.equal(statusWord("awaiting_human", LOOK), "? awaiting human");
  assert.equal(statusWord("something new", LOOK), "· something new");
});
