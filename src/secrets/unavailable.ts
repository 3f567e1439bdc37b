import { LoopError } from "#src/kernel/errors.ts";

interface Missing {
  /** As in the reference: a name, or the source where the reference spells one out. */
  readonly name: string;
  readonly source: string;
  /** What was seen, and what to do; ends with a full stop. */
  readonly why: string;
  /** How the sentence starts; `The secret <name> is` when left out. */
  readonly subject?: string;
  readonly cause?: unknown;
  /** What is wrong with the value that is there, without it. */
  readonly problem?: string;
}

/** The one error of a value that cannot be had. Causes must not carry output of a program or text of a file. */
export function unavailable({ name, source, why, subject = `The secret ${name} is`, cause, problem }: Missing): LoopError {
  const from = name === source ? "" : ` from ${source}`;
  return new LoopError("secret_unavailable", `${subject} not available${from}: ${why}`, {
    facts: { name, source, ...(problem === undefined ? {} : { problem }) },
    cause,
  });
}
