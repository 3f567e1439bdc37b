const SHORTEST_SECRET = 6; // shorter values would blank ordinary words

/** Knows every secret value that was handed out, and takes them out of text. One per process. */
export interface Redactor {
  /** From now on this value, and its JSON, URL and base64 forms, are hidden. Values under six characters are refused by the secret store, so they are ignored here. */
  learn(secret: string): void;
  redact(text: string): string;
}

export function createRedactor(): Redactor {
  const known = new Set<string>();
  let pattern: RegExp | undefined;
  return {
    learn(secret) {
      if (secret.length < SHORTEST_SECRET) return;
      const before = known.size;
      for (const form of formsOf(secret)) known.add(form);
      if (known.size === before) return;
      const longestFirst = [...known].sort((a, b) => b.length - a.length);
      pattern = new RegExp(longestFirst.map((form) => RegExp.escape(form)).join("|"), "g");
    },
    redact: (text) => (pattern ? text.replace(pattern, "[secret]") : text),
  };
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
