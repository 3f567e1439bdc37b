/** A message that an act would send, or has sent. */
export interface Draft {
  readonly surface: string;
  readonly to: string;
  readonly name: string;
  readonly subject: string;
  readonly text: string;
  /** What goes to the reporter with it; null: nothing. */
  readonly replyToReporter: string | null;
  readonly withinMs: number | null;
}

/** The arguments of an act, if they are those of a message. */
export function draftOf(args: unknown): Draft | undefined {
  if (typeof args !== "object" || args === null) return undefined;
  const { surface, to, name, subject, text, facts, acknowledge } = args as { readonly [key: string]: unknown };
  if (typeof to !== "string" || typeof text !== "string") return undefined;
  const reply = (facts as { replyToReporter?: unknown } | undefined)?.replyToReporter;
  const withinMs = (acknowledge as { withinMs?: unknown } | undefined)?.withinMs;
  return {
    surface: textOr(surface, ""),
    to,
    name: textOr(name, to),
    subject: textOr(subject, ""),
    text,
    replyToReporter: typeof reply === "string" ? reply : null,
    withinMs: typeof withinMs === "number" ? withinMs : null,
  };
}

const textOr = (value: unknown, otherwise: string): string => (typeof value === "string" ? value : otherwise);
