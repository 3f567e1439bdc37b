import { LoopError } from "#src/kernel/errors.ts";

/** What went wrong with a server, in words of ours: they may be shown to people and models. What a server says of itself is in no such error. */
export class ServerTrouble extends Error {
  override readonly name = "ServerTrouble";
}

/** Reasons of the system for a connection that cannot be made. */
const SYSTEM: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens at its address",
  ENOTFOUND: "its host has no address",
  EAI_AGAIN: "the name of its host cannot be looked up now",
  ECONNRESET: "it broke the connection",
  ETIMEDOUT: "its host does not answer",
};

/** Why something with a server failed, without one word that the server chose. */
export function troubleOf(error: unknown): string {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    if (at instanceof ServerTrouble || at instanceof LoopError) return at.message;
    if (at.name === "UnauthorizedError") return "it wants a login or a token that it takes";
    const { code, status } = at as Error & { readonly code?: unknown; readonly status?: unknown };
    if (typeof status === "number") return `it answered with the HTTP status ${status}`;
    if (typeof code === "string" && Object.hasOwn(SYSTEM, code)) return SYSTEM[code]!;
    if (typeof code === "number") return `it refused with the code ${code}`;
    if (code === "REQUEST_TIMEOUT") return "it gave no answer in time";
    if (code === "CONNECTION_CLOSED") return "the connection ended";
    if (typeof code === "string" && /^[A-Z_]{3,40}$/.test(code)) return `what it says makes no sense (${code})`;
  }
  return "what it says makes no sense";
}
