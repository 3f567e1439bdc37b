const DEEPEST = 64;

/**
 * What is wrong with a text that JSON.parse takes: a member named twice (readers differ on which one counts), `__proto__`, or deeper than anything we read.
 * Undefined: nothing. The text must be valid JSON.
 */
export function jsonTrouble(text: string): string | undefined {
  const open: (Set<string> | null)[] = []; // of each object around, the names so far; null for an array
  let nameNext = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') {
      const end = endOfString(text, at);
      const trouble = nameNext ? nameTrouble(text.slice(at, end + 1), open.at(-1)!) : undefined;
      if (trouble !== undefined) return trouble;
      nameNext = false;
      at = end;
    } else if (char === "{" || char === "[") {
      if (open.push(char === "{" ? new Set() : null) > DEEPEST) return `it is nested more than ${DEEPEST} levels deep`;
      nameNext = char === "{";
    } else if (char === "}" || char === "]") {
      open.pop();
      nameNext = false;
    } else if (char === ",") nameNext = open.at(-1) !== null;
  }
  return undefined;
}

function nameTrouble(quoted: string, names: Set<string> | null): string | undefined {
  const name = JSON.parse(quoted) as string;
  if (name === "__proto__") return "it has a member __proto__";
  if (names?.has(name)) return `it has the member ${quoted.slice(0, 80)} twice`;
  names?.add(name);
  return undefined;
}

/** The place of the closing quote: the first one with an even number of backslashes before it. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}

/** The paths of all texts, names among them, that have no place in a Postgres text or in canonical JSON: with NUL, or half of a surrogate pair. */
export function unstorableTexts(value: unknown, path: string): string[] {
  if (typeof value === "string") return isStorable(value) ? [] : [path];
  if (Array.isArray(value)) return value.flatMap((item, index) => unstorableTexts(item, `${path}[${index}]`));
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([name, member]) =>
    isStorable(name) ? unstorableTexts(member, `${path}.${name}`) : [`${path} (the name of a member)`],
  );
}

export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes("\0");
