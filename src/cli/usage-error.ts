/** The command line was not as the verb wants it. The message says what was seen, what was expected and what to do. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
