import type { Json } from "#src/kernel/canonical-json.ts";
import type { Redactor } from "#src/kernel/redaction.ts";

/** Texts that are keys by their looks: prefixes that their makers chose so that they can be found. Each is bounded, so that no text makes it slow. */
const SHAPES: readonly (readonly [what: string, pattern: RegExp])[] = [
  ["a private key", /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----/],
  ["a token of this system", /\bloop_[A-Za-z0-9_-]{32}\b/],
  ["a key of a model provider", /\bsk-[A-Za-z0-9_-]{20,200}/],
  ["a GitHub token", /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,200})/],
  ["a GitLab token", /\bglpat-[A-Za-z0-9_-]{20}/],
  ["a Slack token", /\bx(?:ox[abeprs]|app)-[A-Za-z0-9-]{10,200}/],
  ["an AWS key", /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ["a Google key", /\bAIza[0-9A-Za-z_-]{35}/],
  ["a Stripe key", /\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,200}/],
  ["an npm token", /\bnpm_[A-Za-z0-9]{36}/],
  ["a Hugging Face token", /\bhf_[A-Za-z0-9]{30,100}/],
  ["a signed token", /\beyJ[A-Za-z0-9_-]{10,4000}\.eyJ[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{10,2000}/],
];

/** White space and characters that nobody sees, by which a value could be broken up. */
const BREAKS = /[\s\p{Cf}]+/gu;

/**
 * Says where arguments that go outside carry a secret: a value that this process handed out, or a text that is a key by its looks, as it stands, broken up, within
 * base64, hexadecimal or percent signs, or spread over several texts. Null: nowhere that it was looked for; whoever may word a text can hide a value in more ways
 * than anybody can look for. Never says the value.
 */
export function secretIn(args: Json, redactor: Pick<Redactor, "redact">): string | null {
  const holdsValue = (text: string): boolean => redactor.redact(text) !== text;
  let whole = "";
  for (const { path, text, isName } of textsOf(args)) {
    const joined = text.replace(BREAKS, "");
    if (!isName) whole += joined;
    const forms = [text, joined, ...decodedFrom(joined)];
    if (forms.some(holdsValue)) return `${path} holds the value of a secret`;
    const shape = SHAPES.find(([, pattern]) => forms.some((form) => pattern.test(form)));
    if (shape) return `${path} holds what looks like ${shape[0]}`;
  }
  return holdsValue(whole) ? "several of its texts together hold the value of a secret" : null;
}

const PERCENT = /(?:%[0-9a-f]{2})+/gi;
/** The least that holds a value worth hiding, and the places within a run of letters at which it could begin. */
const ENCODED: readonly (readonly [run: RegExp, encoding: "hex" | "base64", begins: readonly number[]])[] = [
  [/[0-9a-f]{12,}/gi, "hex", [0, 1]],
  [/[A-Za-z0-9+/_-]{12,}/g, "base64", [0, 1, 2, 3]],
];

/** What a text says when it is decoded, once and twice. Each step goes over it a fixed number of times. */
function decodedFrom(text: string, depth = 2): string[] {
  if (depth === 0) return [];
  const plain = text.includes("%") ? [text.replace(PERCENT, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString())] : [];
  const pieces = [text, ...plain].flatMap((form) =>
    ENCODED.flatMap(([run, encoding, begins]) =>
      Array.from(form.matchAll(run)).flatMap(([piece]) => begins.map((from) => Buffer.from(piece.slice(from), encoding).toString())),
    ),
  );
  return [...plain, ...pieces, ...pieces.flatMap((piece) => decodedFrom(piece, depth - 1))];
}

/** Every text in a value, and every name of a member, with its place. */
function* textsOf(value: Json | undefined, path = ""): Generator<{ readonly path: string; readonly text: string; readonly isName?: true }> {
  if (typeof value === "string") yield { path: path || "the text", text: value };
  else if (value !== null && typeof value === "object") {
    for (const [key, member] of Object.entries(value)) {
      const place = path === "" ? key.slice(0, 60) : `${path}.${key.slice(0, 60)}`;
      if (!Array.isArray(value)) yield { path: "the name of a field", text: key, isName: true };
      yield* textsOf(member as Json, place);
    }
  }
}
