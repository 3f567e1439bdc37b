/** A pattern in which `*` stands for any run of characters, compiled once. Its matching never goes back, so no pattern and no text is slow. */
export interface Glob {
  readonly pattern: string;
  matches(text: string): boolean;
}

export function compileGlob(pattern: string): Glob {
  const [head = "", ...rest] = pattern.split("*");
  const tail = rest.pop();
  if (tail === undefined) return { pattern, matches: (text) => text === pattern };
  const middle = rest.filter((piece) => piece !== "");
  return { pattern, matches: (text) => matchPieces(text, head, { middle, tail }) };
}

/** The earliest place of each piece in the middle is the best one: it leaves the most for those that follow. */
function matchPieces(text: string, head: string, { middle, tail }: { middle: readonly string[]; tail: string }): boolean {
  if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
  const end = text.length - tail.length;
  let from = head.length;
  for (const piece of middle) {
    const found = text.indexOf(piece, from);
    if (found === -1 || found + piece.length > end) return false;
    from = found + piece.length;
  }
  return true;
}

/**
 * A path in the one form in which paths are compared: `.` and `..` resolved, `/` once, none at the end, Unicode NFC.
 * Null when it has no such form: a NUL in it, or more `..` than folders, so that where it leads is not known.
 */
export function normalPath(path: string): string | null {
  if (path.includes("\0")) return null;
  const parts: string[] = [];
  for (const part of path.normalize("NFC").split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return (path.startsWith("/") ? "/" : "") + parts.join("/");
}
