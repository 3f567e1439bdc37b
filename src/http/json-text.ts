const DEEPEST = 64;
/** Of one object or array: what checks a million members one by one keeps everybody else waiting for seconds. */
const MOST_MEMBERS = 10_000;

/**
 * What is wrong with a text that JSON.parse takes: a member named twice (readers differ on which one counts), `__proto__`, deeper than anything we read,
 * or an object or array of more members.
 * Undefined: nothing. The text must be valid JSON.
 */
export function jsonTrouble(text: string): string | undefined {
  const open: (Set<string> | null)[] = []; // of each object around, the names so far; null for an array
  const members: number[] = []; // of each object or array around, the commas so far
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
      members.push(0);
      nameNext = char === "{";
    } else if (char === "}" || char === "]") {
      open.pop();
      members.pop();
      nameNext = false;
    } else if (char === ",") {
      if ((members[members.length - 1]! += 1) >= MOST_MEMBERS) return `it has an object or an array of more than ${MOST_MEMBERS} members`;
      nameNext = open.at(-1) !== null;
    }
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

/** More of them help nobody, and a body may have a million. */
const MOST_NAMED = 20;
const LONGEST_PATH = 200;

/**
 * The paths of texts, names among them, that have no place in a Postgres text or in canonical JSON: with NUL, or half of a surrogate pair. The first 20, and of
 * a long path its beginning.
 */
export function unstorableTexts(value: unknown, path: string): string[] {
  const found: string[] = [];
  const look = (at: unknown, place: string): void => {
    if (found.length === MOST_NAMED) return;
    if (typeof at === "string") return void (isStorable(at) || found.push(place));
    if (at === null || typeof at !== "object") return;
    for (const [name, member] of Object.entries(at)) {
      if (found.length === MOST_NAMED) return;
      const inner = (Array.isArray(at) ? `${place}[${name}]` : `${place}.${name.slice(0, LONGEST_PATH)}`).slice(0, LONGEST_PATH);
      if (isStorable(name)) look(member, inner);
      else found.push(`${place} (the name of a member)`);
    }
  };
  look(value, path);
  return found;
}

export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes("\0");
