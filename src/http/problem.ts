import { type ErrorCode, LoopError } from "#src/kernel/errors.ts";

/** One field that cannot be taken. `field` starts with where it stands: `body`, `query` or `params`. */
export interface FieldProblem {
  readonly field: string;
  readonly expected: string;
}

/** A named failure about fields of the request. */
export class FieldError extends LoopError {
  readonly errors: readonly FieldProblem[];

  constructor(errors: readonly FieldProblem[]) {
    super("input_invalid", `The request cannot be taken. ${errors.map(({ field, expected }) => `${field}: ${expected}`).join("; ")}.`, {
      facts: { problems: errors.length },
    });
    this.errors = errors;
  }
}

export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

/** An error as RFC 9457 has it, with our code and facts. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly facts: LoopError["facts"];
  readonly errors?: readonly FieldProblem[];
}

export function problemOf(error: LoopError): Problem {
  const words = error.code.replaceAll("_", " ");
  return {
    type: `urn:loopwright:error:${error.code}`,
    title: words[0]!.toUpperCase() + words.slice(1),
    status: error.httpStatus,
    code: error.code,
    detail: error.message,
    facts: error.facts,
    ...(error instanceof FieldError ? { errors: error.errors } : {}),
  };
}
