import assert from "node:assert/strict";
import test from "node:test";
import { cutText, phraseHits, wordsOf } from "./words.ts";

test("six languages are cut into words, and scripts without spaces into runs of characters besides", () => {
  assert.deepEqual(wordsOf("The socket is wet, 3.5 kW!"), ["the", "socket", "is", "wet", "3.5", "kw"]);
  assert.deepEqual(wordsOf("Água na tomada: ATENÇÃO"), ["agua", "na", "tomada", "atencao"]);
  assert.deepEqual(wordsOf("AC bocor di dekat stop-kontak"), ["ac", "bocor", "di", "dekat", "stop", "kontak"]);
  assert.deepEqual(cutText("冷氣在漏水。危險"), {
    words: ["冷氣", "在", "漏水", "危險"],
    grams: ["氣在", "在漏"],
    characters: ["冷", "氣", "在", "漏", "水", "危", "險"],
  });
  assert.deepEqual(cutText("水が漏れる").words, ["水", "が", "漏れる"]);
  assert.deepEqual(cutText("มีน้ำหยด"), { words: ["มี", "น้ำ", "หยด"], grams: ["มีน้ำห", "น้ำหย"], characters: [] });
});

test("case, width, marks on Latin letters, apostrophes and underscores make no difference", () => {
  assert.deepEqual(wordsOf("ＡＩＲ Ação STRASSE hvac_leak d’água"), wordsOf("air acao straße HVAC leak d'agua"));
  assert.deepEqual(wordsOf("й ё が"), ["й", "ё", "が"], "marks of other scripts are letters");
});

test("a compound that is cut differently in query and document still meets", () => {
  const document = cutText("冷氣機漏水");
  const query = cutText("客廳的冷氣 漏水");
  assert.ok(query.words.some((word) => [...document.words, ...document.grams].includes(word)));
  const thai = (text: string) => new Set(wordsOf(text));
  assert.ok(thai("ปลั๊กไฟฟ้าเปียก").intersection(thai("ไฟฟ้า")).size > 0);
});

test("a text of any size or content is cut into words that Postgres can keep", () => {
  assert.deepEqual(wordsOf("a\0b \ud800 'x' \\ | & ! :*"), ["a", "b", "x"]);
  assert.deepEqual(wordsOf(""), []);
  assert.deepEqual(wordsOf("x".repeat(1_000_000)), ["x".repeat(64)]);
  const distinct = cutText(Array.from({ length: 300_000 }, (_, at) => `w${at}`).join(" "), 100);
  assert.equal(distinct.words.length, 100);
});

test("a phrase is found as consecutive whole words, and nowhere else", () => {
  const text = "Help! The Air-Conditioner leaks; water, near the catchment.";
  assert.deepEqual(
    phraseHits(text, ["air conditioner", "AIR  CONDITIONER LEAKS", "conditioner", "leaks water", "cat", "catch", "near the catchment", "", "!?"]),
    ["air conditioner", "AIR  CONDITIONER LEAKS", "conditioner", "near the catchment"],
  );
  assert.deepEqual(phraseHits("O pão está frio", ["pao esta", "ão", "pão frio"]), ["pao esta"]);
});

test("a phrase in a script without spaces is found wherever its characters stand", () => {
  assert.deepEqual(phraseHits("客廳冷氣機一直漏水，很危險", ["冷氣", "氣機", "漏水", "水很", "漏電"]), ["冷氣", "氣機", "漏水"], "a comma parts what it parts");
  assert.deepEqual(phraseHits("エアコンから水が漏れています", ["水が漏れ", "エアコン", "エアコン水"]), ["水が漏れ", "エアコン"]);
  assert.deepEqual(phraseHits("แอร์มีน้ำหยดใกล้ปลั๊กไฟ", ["น้ำหยด", "ปลั๊กไฟ", "ไฟไหม้"]), ["น้ำหยด", "ปลั๊กไฟ"]);
  assert.deepEqual(phraseHits("我的AC漏水，FACT是這樣", ["AC漏水", "ac", "fact", "act"]), ["AC漏水", "ac", "fact"]);
});
