/** C0 and C1, line feed and tab apart; overrides and isolates of direction; what has no look and could hide words. */
const UNSEEN = /(?![\n\t])\p{Cc}|[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/**
 * A text that somebody else wrote, safe to show: nothing in it moves the cursor, changes colours, turns the direction of reading or is invisible.
 * What would do so is shown as ⟨U+202E⟩. Line feeds and tabs stay.
 */
export function plain(text: string): string {
  return text
    .toWellFormed()
    .replaceAll("\r\n", "\n")
    .replaceAll(UNSEEN, (found) => `⟨U+${found.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

/** The same on one line. */
export const plainLine = (text: string): string => plain(text).replaceAll(/\s+/g, " ").trim();
