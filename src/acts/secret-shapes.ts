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
 * Says where arguments that go outside carry a secret: a value that this process handed out, in one of the forms that the redactor knows, or a text that is
 * a key by its looks. Null: nowhere. Never says the value.
 */
export function secretIn(args: Json, redactor: Pick<Redactor, "redact">): string | null {
  for (const { path, text } of textsOf(args)) {
    const joined = text.replace(BREAKS, "");
    if (redactor.redact(text) !== text || redactor.redact(joined) !== joined) return `${path} holds the value of a secret`;
    const shape = SHAPES.find(([, pattern]) => pattern.test(text));
    if (shape) return `${path} holds what looks like ${shape[0]}`;
  }
  return null;
}

/** Every text in a value, and every name of a member, with its place. */
function* textsOf(value: Json | undefined, path = ""): Generator<{ readonly path: string; readonly text: string }> {
  if (typeof value === "string") yield { path: path || "the text", text: value };
  else if (value !== null && typeof value === "object") {
    for (const [key, member] of Object.entries(value)) {
      const place = path === "" ? key.slice(0, 60) : `${path}.${key.slice(0, 60)}`;
      if (!Array.isArray(value)) yield { path: "the name of a field", text: key };
      yield* textsOf(member as Json, place);
    }
  }
}
