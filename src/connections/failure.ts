import { LoopError } from "#src/kernel/errors.ts";

/**
 * Why a request gave no answer. `refused`: a rule forbids it, nothing was sent. `unreachable`: no connection, nothing was sent. `broken`: it was cut off, and what
 * was asked for may have happened.
 */
export class RequestFailed extends Error {
  override readonly name = "RequestFailed";
  readonly kind: "refused" | "unreachable" | "broken";

  constructor(kind: RequestFailed["kind"], message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.kind = kind;
  }
}

/**
 * The same as the failure of a tool. Tried again is what surely did not happen, and what may happen twice; of the rest only a person knows.
 * @param isRepeatable a second try changes nothing, or looks first
 */
export function toolFailure(tool: string, error: unknown, isRepeatable: boolean): unknown {
  if (!(error instanceof RequestFailed)) return error;
  const { kind, message } = error;
  if (kind === "refused") return new LoopError("tool_failed", `${tool} was refused: ${message}.`, { cause: error });
  if (kind === "unreachable" || isRepeatable) return new LoopError("tool_unavailable", `${tool} got no answer: ${message}.`, { cause: error });
  return new LoopError("tool_failed", `${tool} was cut off: ${message}. What it asked for may have happened; look at the other side.`, { cause: error });
}
