import assert from "node:assert/strict";
import { test } from "node:test";
import { liveWriter } from "./live-writer.ts";

function page(json: boolean) {
  let text = "";
  const writer = liveWriter({ json, print: (line) => void (text += `${line}\n`), type: (part) => void (text += part) });
  return { ...writer, text: () => text };
}

test("a text grows behind a bar, safe to show, and lines stand between texts, never inside one", () => {
  const { live, line, text } = page(false);
  live({ act: "a", text: "First", begins: true });
  live({ act: "a", text: " this\u001b[2J\nthen", begins: false });
  line("12:00 act.done");
  live({ act: "a", text: " that", begins: false });
  live({ act: "a", ends: true });
  live({ act: "b", text: "Half", begins: true });
  live({ act: "b", text: "Anew", begins: true });
  live({ act: "c", text: "Other", begins: true });
  live({ act: "b", ends: true });
  line("end");
  assert.equal(text(), "  | First this⟨U+001B⟩[2J\n  | then\n12:00 act.done\n  |  that\n  | Half\n  | Anew\n  | Other\nend\n");
});

test("for a program each piece is one line of JSON", () => {
  const { live, line, text } = page(true);
  live({ act: "a", text: "x\n", begins: true });
  live({ act: "a", ends: true });
  line("{}");
  assert.equal(text(), '{"live":{"act":"a","text":"x\\n","begins":true}}\n{"live":{"act":"a","ends":true}}\n{}\n');
});
