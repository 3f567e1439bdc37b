import type { LoopError } from "#src/kernel/errors.ts";
import { ApiFailure } from "../client/failures.ts";

/** A failure as the API says it; one that the command line found by itself, in the same form. */
export function failureText(error: LoopError): string {
  if (error instanceof ApiFailure && error.body !== "") return error.body;
  const words = error.code.replaceAll("_", " ");
  const title = words[0]!.toUpperCase() + words.slice(1);
  return JSON.stringify({
    type: `urn:loopwright:error:${error.code}`,
    title,
    status: error.httpStatus,
    code: error.code,
    detail: error.message,
    facts: error.facts,
  });
}
