/** No locale: the cut depends on the text alone, so that query and document are cut alike whatever the machine speaks. */
const WORDS = new Intl.Segmenter("und", { granularity: "word" });
const GRAPHEMES = new Intl.Segmenter("und", { granularity: "grapheme" });

const HAN_LIKE = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Bopomofo}ー";
const THAI_LIKE = "\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}";
const ALL_HAN_LIKE = new RegExp(`^[${HAN_LIKE}]+$`, "u");
const ALL_THAI_LIKE = new RegExp(`^[${THAI_LIKE}]+$`, "u");
const HAN = /^\p{Script=Han}$/u;
/** Pieces of a segment: scripts that write without spaces, and the rest. */
const PIECES = new RegExp(`[${HAN_LIKE}${THAI_LIKE}]+|[^${HAN_LIKE}${THAI_LIKE}]+`, "gu");
const UNSPACED = new RegExp(`^[${HAN_LIKE}${THAI_LIKE}]`, "u");

/** Two characters say enough where a character is a syllable or a word; where it is a letter it takes three. */
const HAN_GRAM = 2;
const THAI_GRAM = 3;

const LONGEST_WORD = 64;
/** Characters of a text that are looked at; a longer one is answered by its beginning. */
const LONGEST_TEXT = 200_000;

/** Latin letters that have no decomposition into a letter and a mark. */
const FOLDED: Readonly<Record<string, string>> = { ß: "ss", ø: "o", đ: "d", ł: "l", æ: "ae", œ: "oe", ı: "i", ð: "d", þ: "th", ς: "σ" };
const FOLDABLE = new RegExp(`[${Object.keys(FOLDED).join("")}]`, "gu");
/** NFKC takes the vowel am of Thai and Lao apart; the segmenter's dictionary knows words only with it whole. */
const AM = /\u0e4d\u0e32|\u0ecd\u0eb2/gu;

/** The form in which texts are compared: NFKC, no case, no marks on Latin letters, and no character that Postgres cannot store. */
function normalForm(text: string): string {
  return text
    .slice(0, LONGEST_TEXT)
    .toWellFormed()
    .replaceAll("\0", " ")
    .normalize("NFKD")
    .toLowerCase()
    .replace(/(\p{Script=Latin})\p{Mn}+/gu, "$1")
    .normalize("NFC")
    .replace(AM, (parts) => (parts === "\u0e4d\u0e32" ? "\u0e33" : "\u0eb3"))
    .replace(FOLDABLE, (letter) => FOLDED[letter]!)
    .replace(/['’‘ʼ_]/gu, " ");
}

/** A text as words. All lists are distinct, in order of first appearance. */
export interface Cut {
  /** As the segmenter cuts them. */
  readonly words: readonly string[];
  /** Overlapping runs of characters from scripts without spaces: they meet where query and document were cut at different places. */
  readonly grams: readonly string[];
  /** Single Han characters: a document answers to each of them, a query asks only for those that stand as words. */
  readonly characters: readonly string[];
}

/** Stops after `limit` distinct words, so that a text of any size costs little. */
export function cutText(text: string, limit: number = Number.POSITIVE_INFINITY): Cut {
  const words = new Set<string>();
  const grams = new Set<string>();
  const characters = new Set<string>();
  let run: Run = { end: -1, size: 0, text: "" };
  const closeRun = (): void => addGrams(run, grams);
  for (const { segment, index, isWordLike } of WORDS.segment(normalForm(text))) {
    if (isWordLike !== true) continue;
    if (words.size + grams.size >= limit) break;
    words.add(shortened(segment));
    const size = gramSize(segment);
    if (index !== run.end || size !== run.size) {
      closeRun();
      run = { end: index, size, text: "" };
    }
    run.end = index + segment.length;
    if (size > 0) run.text += segment;
    if (size === HAN_GRAM) for (const character of segment) if (HAN.test(character)) characters.add(character);
  }
  closeRun();
  for (const word of words) grams.delete(word);
  return { words: [...words], grams: [...grams], characters: [...characters] };
}

interface Run {
  end: number;
  /** Characters of a gram; 0 for scripts that write spaces. */
  size: number;
  text: string;
}

function gramSize(segment: string): number {
  if (ALL_HAN_LIKE.test(segment)) return HAN_GRAM;
  return ALL_THAI_LIKE.test(segment) ? THAI_GRAM : 0;
}

function addGrams(run: Run, grams: Set<string>): void {
  if (run.size === 0) return;
  const characters = charactersOf(run.text);
  for (let at = 0; at + run.size <= characters.length; at += 1) grams.add(shortened(characters.slice(at, at + run.size).join("")));
}

const DENSE = /^[\p{Script=Han}\p{Script=Hangul}]+$/u;

/**
 * How much of a word a word is, 0 to 1: in every language the shortest words are those that say least, and one of two Chinese or Korean characters is as
 * long as one of four letters. No list of such words is kept, for any language.
 */
export const substanceOf = (word: string): number => Math.min(1, Array.from(word).length / (DENSE.test(word) ? 2 : 4));

const charactersOf = (text: string): string[] => (ALL_HAN_LIKE.test(text) ? Array.from(text) : Array.from(GRAPHEMES.segment(text), (part) => part.segment));
const shortened = (word: string): string => (word.length <= LONGEST_WORD ? word : word.slice(0, LONGEST_WORD).toWellFormed());

/** What a text is looked for by: its words and, for scripts without spaces, runs of characters. Normalised, distinct, in order of first appearance. */
export function wordsOf(text: string): string[] {
  const { words, grams } = cutText(text);
  return [...words, ...grams];
}

/** Separates tokens; a word holds no control character. */
const NEXT = "\u0001";
const BREAK = "\u0002";
/** What may stand between two words of a phrase. */
const JOINT = /^[\s\p{Pd}/·・]*$/u;

/**
 * The phrases that the text contains, as given and in the given order. A phrase is consecutive whole words with nothing but spaces or hyphens between;
 * scripts without spaces are compared character by character, since what is a word there depends on the sentence. A phrase without a word is never found.
 */
export function phraseHits(text: string, phrases: readonly string[]): string[] {
  return phraseFinder(text)(phrases);
}

/** As `phraseHits`, for many lists over one text. */
export function phraseFinder(text: string): (phrases: readonly string[]) => string[] {
  const whole = `${NEXT}${tokensOf(text).join(NEXT)}${NEXT}`;
  return (phrases) =>
    phrases.filter((phrase) => {
      const tokens = tokensOf(phrase);
      return tokens.length > 0 && whole.includes(`${NEXT}${tokens.join(NEXT)}${NEXT}`);
    });
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  let gap = "";
  for (const { segment, isWordLike } of WORDS.segment(normalForm(text))) {
    if (isWordLike !== true) {
      gap += segment;
      continue;
    }
    if (tokens.length > 0 && !JOINT.test(gap)) tokens.push(BREAK);
    gap = "";
    for (const [piece] of segment.matchAll(PIECES)) tokens.push(...(UNSPACED.test(piece) ? charactersOf(piece) : [piece]));
  }
  return tokens;
}
