const SNIPPET_CHARACTERS = 240;
/** How much of the text before the found word is shown. */
const LEAD_CHARACTERS = 60;
const WORDS = new Intl.Segmenter("und", { granularity: "word" });

/** A passage of at most 240 characters, cut at words: round the first of these words that stands in the text as written, else the beginning. */
export function snippetOf(body: string, words: readonly string[]): string {
  const text = body
    .replace(/^\s*[#>*-]+\s+/gm, "")
    .replace(/\s+/g, " ")
    .trim();
  if (text.length <= SNIPPET_CHARACTERS) return text;
  const lowerCase = text.toLowerCase();
  const place = words.map((word) => lowerCase.indexOf(word)).find((at) => at >= 0) ?? 0;
  const wanted = Math.max(0, Math.min(place - LEAD_CHARACTERS, text.length - SNIPPET_CHARACTERS));
  const starts = Array.from(WORDS.segment(text), (part) => part.index);
  const from = starts.find((at) => at >= wanted) ?? 0;
  const open = from > 0 ? "… " : "";
  const room = SNIPPET_CHARACTERS - open.length - " …".length;
  if (text.length - from <= room) return `${open}${text.slice(from).trim()}`;
  const to = starts.findLast((at) => at > from && at <= from + room) ?? from + room; // a single word as long as the snippet is cut within
  return `${open}${text.slice(from, to).trim().toWellFormed()} …`;
}
