/*
 * Texts of others stand in the prompt behind `> `, line for line. No line of theirs begins at the margin, so none can be a header or a mark of ours, whatever it says
 * and whatever it looks like; and there is no random mark in it, so that the prefix of one prompt is that of the next.
 */
const BEHIND = "> ";

/** All that some reader takes for the end of a line. */
const LINE_ENDS = /\r\n|[\r\v\f\u0085\u2028\u2029]/g;
/** Control characters, marks that turn the direction of writing, characters that nobody sees, among them the tags, which spell out hidden text. Emoji and Persian need two. */
const UNSEEN = /(?![\t\n\u200c\u200d])[\p{Cc}\p{Cf}\u{e0000}-\u{e0fff}]/gu;

/** The text with plain line ends, and with what nobody would see written out, such as `\u{202e}`. */
const seenText = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll(LINE_ENDS, "\n")
    .replaceAll(UNSEEN, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);

/** A name inside a line of ours, in quotes. */
export const seenName = (name: string): string => JSON.stringify(seenText(name));

/** Every line of a text behind `> `; `most` characters in all, and where it was cut a line says how much is missing. */
export function quoted(text: string, most: number): string {
  const lines = seenText(text)
    .replace(/(?<!\n)\n+$/, "")
    .split("\n");
  const kept: string[] = [];
  let room = most;
  for (const [index, line] of lines.entries()) {
    const whole = BEHIND + line;
    if (whole.length + 1 <= room) {
      kept.push(whole);
      room -= whole.length + 1;
      continue;
    }
    const begun = room > BEHIND.length + 1 ? whole.slice(0, room - 1).toWellFormed() : "";
    const missing = lines.slice(index).join("\n").length - Math.max(0, begun.length - BEHIND.length);
    return [...kept, ...(begun === "" ? [] : [begun]), missingMark(missing)].join("\n");
  }
  return kept.join("\n");
}

/** How a cut is shown; at the margin, where only our own lines stand. */
export const missingMark = (characters: number): string => `[… ${characters.toLocaleString("en-US")} characters are not shown]`;
