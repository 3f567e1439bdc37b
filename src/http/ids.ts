import { type ErrorCode, LoopError } from "#src/kernel/errors.ts";
import { isId, type IdPrefix } from "#src/kernel/ids.ts";

interface IdKind {
  readonly prefix: IdPrefix;
  readonly code: ErrorCode;
  readonly list: string;
}

const KINDS = {
  ticket: { prefix: "tkt", code: "ticket_unknown", list: "GET /v1/tickets" },
  ask: { prefix: "ask", code: "ask_unknown", list: "GET /v1/asks" },
  run: { prefix: "run", code: "run_unknown", list: "GET /v1/runs" },
  thread: { prefix: "thr", code: "thread_unknown", list: "GET /v1/threads" },
  proposal: { prefix: "pro", code: "proposal_unknown", list: "GET /v1/proposals" },
  memory: { prefix: "mem", code: "memory_unknown", list: "GET /v1/memories" },
  token: { prefix: "tkn", code: "token_unknown", list: "GET /v1/tokens" },
} as const satisfies Record<string, IdKind>;

/** How people type them. */
const OTHER_SHAPES: { readonly [K in keyof typeof KINDS]?: { readonly shape: RegExp; readonly words: string } } = {
  ticket: { shape: /^#?\d{1,15}$/, words: "a number" },
  ask: { shape: /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}-\d{1,9}$/, words: "a worker and a number such as fix-login-1" },
};

/**
 * An id out of a path or query, as it is, when it has the shape of one of its kind (a ticket also goes by its number, an ask of a worker by its alias). Whatever has not is unknown without
 * a look into the database. @throws LoopError ticket_unknown | ask_unknown | run_unknown | thread_unknown | token_unknown | memory_unknown
 */
export function idOf(kind: keyof typeof KINDS, text: string): string {
  const { prefix, code, list } = KINDS[kind];
  if (isId(prefix, text) || OTHER_SHAPES[kind]?.shape.test(text)) return text;
  const other = OTHER_SHAPES[kind];
  const expected = `${prefix}_ and 32 hexadecimal digits${other ? `, or ${other.words}` : ""}`;
  throw new LoopError(code, `There is no ${kind} with such an id. Expected ${expected}; ${list} lists those there are.`, { facts: { param: "id" } });
}
