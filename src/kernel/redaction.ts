const SHORTEST_SECRET = 6; // shorter values would blank ordinary words

/** Knows every secret value that was handed out, and takes them out of text. One per process. */
export interface Redactor {
  /** From now on this value, and its JSON, URL and base64 forms, are hidden. Values under six characters are refused by the secret store, so they are ignored here. */
  learn(secret: string): void;
  redact(text: string): string;
  /** For text that comes in pieces. `push` gives what may be shown by now, which may be nothing: the beginning of a known value is held back. `end` gives the rest. */
  stream(): { push(piece: string): string; end(): string };
}

export function createRedactor(): Redactor {
  const known = new Set<string>();
  let pattern: RegExp | undefined;
  const redact = (text: string): string => (pattern ? text.replace(pattern, "[secret]") : text);
  return {
    learn(secret) {
      if (secret.length < SHORTEST_SECRET) return;
      const before = known.size;
      for (const form of formsOf(secret)) known.add(form);
      if (known.size === before) return;
      const longestFirst = [...known].sort((a, b) => b.length - a.length);
      pattern = new RegExp(longestFirst.map((form) => RegExp.escape(form)).join("|"), "g");
    },
    redact,
    stream() {
      let held = "";
      return {
        push(piece) {
          const text = redact(held + piece);
          const from = text.length - longestOpening(text, known);
          held = text.slice(from);
          return text.slice(0, from);
        },
        end: () => redact(held),
      };
    },
  };
}

/** How many characters at the end of the text may be the beginning of one of these. */
function longestOpening(text: string, known: ReadonlySet<string>): number {
  let longest = 0;
  for (const form of known) {
    for (let length = Math.min(form.length - 1, text.length); length > longest; length -= 1) {
      if (text.endsWith(form.slice(0, length))) longest = length;
    }
  }
  return longest;
}

function formsOf(secret: string): string[] {
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    Buffer.from(secret)
      .toString("base64")
      .replace(/(?<!=)=+$/, ""),
    Buffer.from(secret).toString("base64url"),
  ];
}
