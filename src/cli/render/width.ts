/** Code points that take two columns on a terminal: East Asian wide and full width (Unicode TR 11), and pictures. Pairs of first and last, in order. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x231a, 0x231b],
  [0x23e9, 0x23ec],
  [0x2614, 0x2615],
  [0x26a1, 0x26a1],
  [0x2705, 0x2705],
  [0x274c, 0x274c],
  [0x2753, 0x2755],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x1fa70, 0x1faff],
  [0x20000, 0x3fffd],
];

const ASCII = /^[\x20-\x7e]*$/;
const NO_COLUMN = /^(\p{Mn}|\p{Me}|\u200c|\u200d|\ufe0e|\ufe0f)$/u;
/** Colour codes of ours; they are the only escapes that are ever in a text here. */
const COLOUR = /\p{Cc}\[[\d;]*m/gu;

const isWide = (point: number): boolean => point >= 0x1100 && WIDE.some(([first, last]) => point >= first && point <= last);

/** How many columns a character takes. */
function charWidth(char: string): 0 | 1 | 2 {
  if (NO_COLUMN.test(char)) return 0;
  return isWide(char.codePointAt(0)!) ? 2 : 1;
}

/** How many columns a line takes. Colour codes take none. */
export function columns(line: string): number {
  const bare = line.includes("\x1b") ? line.replaceAll(COLOUR, "") : line;
  if (ASCII.test(bare)) return bare.length;
  let width = 0;
  for (const char of bare) width += charWidth(char);
  return width;
}

/** The line filled up with spaces, left or right. */
export function padded(line: string, width: number, align: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, width - columns(line)));
  return align === "left" ? line + space : space + line;
}

/** The line cut to so many columns, with … where something is missing. Without colour codes in it. */
export function cut(line: string, width: number): string {
  if (columns(line) <= width) return line;
  let used = 0;
  let kept = "";
  for (const char of line) {
    const more = charWidth(char);
    if (used + more > width - 1) break;
    used += more;
    kept += char;
  }
  return `${kept.trimEnd()}…`;
}

/**
 * Text in lines of at most so many columns: broken at spaces, and between characters that are written without spaces. Line feeds stay; what begins
 * indented goes on so. Without colour codes in it.
 */
export function wrapped(text: string, width: number): string[] {
  return text.split("\n").flatMap((line) => {
    const indent = /^ */.exec(line.replaceAll("\t", "  "))![0].slice(0, Math.max(0, width - LEAST_WIDTH));
    return wrapLine(line.trim(), Math.max(LEAST_WIDTH, width - indent.length)).map((part) => (part === "" ? "" : indent + part));
  });
}

const LEAST_WIDTH = 8;
const NOT_AT_THE_START = /^[、。，．：；？！）」』】〉》〕…‥々ー,.:;?!)\]}]$/u;

function wrapLine(line: string, width: number): string[] {
  if (columns(line) <= width) return [line];
  const lines: string[] = [];
  let current = "";
  for (const piece of piecesOf(line, width)) {
    if (current !== "" && columns(current + piece.trimEnd()) > width && !NOT_AT_THE_START.test(piece.trimEnd())) {
      lines.push(current.trimEnd());
      current = "";
    }
    if (current !== "" || piece.trim() !== "") current += piece;
  }
  if (current.trim() !== "") lines.push(current.trimEnd());
  return lines;
}

/** Words with the space after them; wide characters one by one; a word that is longer than a line in parts. */
function piecesOf(line: string, width: number): string[] {
  const pieces: string[] = [];
  let word = "";
  const end = (): void => {
    if (word !== "") pieces.push(word);
    word = "";
  };
  for (const char of line) {
    if (char === " ") {
      word += char;
      end();
    } else if (charWidth(char) === 2) {
      end();
      pieces.push(char);
    } else if (charWidth(char) === 0 && word === "" && pieces.length > 0) pieces.push(pieces.pop()! + char);
    else {
      if (columns(word) >= width) end();
      word += char;
    }
  }
  end();
  return pieces;
}
