import type { FastifyRequest } from "fastify";
import type { Db, Transaction } from "#src/database/open.ts";
import { digestOf, type Json } from "#src/kernel/canonical-json.ts";
import { findReply, type KeyedRequest, keepReply, keepReplyWith, type Performed, performKeyed, performTogether } from "#src/people/store/idempotency.ts";
import { callerOf, type Reply } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { FieldError } from "./problem.ts";

/** A reply as a value, so that it can be kept and given again. */
export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
  /** The next try may get another answer, so this one is not kept for a repeat. */
  readonly passing?: boolean;
}

const LONGEST_KEY = 200;

/** The request under its Idempotency-Key; undefined without one. @throws LoopError input_invalid */
export function keyedRequest(request: FastifyRequest): KeyedRequest | undefined {
  const key = request.headers["idempotency-key"];
  if (key === undefined) return undefined;
  if (typeof key !== "string" || !/^[\x21-\x7e]+$/.test(key) || key.length > LONGEST_KEY) {
    throw new FieldError([{ field: "headers.idempotency-key", expected: `1 to ${LONGEST_KEY} visible ASCII characters, such as a UUID` }]);
  }
  const digest = digestOf({ method: request.method, url: request.url, body: (request.body ?? null) as Json });
  return { principalId: callerOf(request).id, key, digest };
}

/**
 * Does what a request asks for, in one transaction with the reply that is kept for a repeat under the same Idempotency-Key. The work does all that it does
 * through the given handle, and nothing outside the database.
 */
export async function performOnce<Body>(deps: HttpDeps, request: FastifyRequest, work: (db: Db) => Promise<Answer<Body>>): Promise<Answer<Body>> {
  const keyed = keyedRequest(request);
  if (!keyed) {
    const answer = await performTogether(deps.db, work);
    deps.changed?.();
    return answer;
  }
  const performed = await performKeyed(deps.db, keyed, async (db) => kept(await work(db)));
  if (!performed.replayed) deps.changed?.();
  return unkept(performed);
}

/** For work that is safe to repeat by itself and has its own transactions: the reply is kept after it. */
export async function performThenKeep<Body>(deps: HttpDeps, keyed: KeyedRequest | undefined, work: () => Promise<Answer<Body>>): Promise<Answer<Body>> {
  const before = keyed && (await findReply(deps.db, keyed));
  if (before) return unkept(before);
  const answer = await work();
  deps.changed?.();
  return keyed ? unkept(await keepReply(deps.db, keyed, kept(answer))) : answer;
}

/** Keeps the answer in the transaction that did what was asked for. */
export type Keep<Body> = (tx: Transaction, answer: Answer<Body>) => Promise<void>;

/**
 * For work that opens its own transaction, calls `keep` in it, and then does more that a start would do again: of reply and change there are both or neither. Of two
 * requests at once under one key the second gets the reply of the first.
 */
export async function performKeeping<Body>(deps: HttpDeps, request: FastifyRequest, work: (keep: Keep<Body>) => Promise<Answer<Body>>): Promise<Answer<Body>> {
  const keyed = keyedRequest(request);
  const before = keyed && (await findReply(deps.db, keyed));
  if (before) return unkept(before);
  try {
    const answer = await work(async (tx, reply) => keyed && keepReplyWith(tx, keyed, kept(reply)));
    deps.changed?.();
    return keyed && !answer.passing ? unkept(await keepReply(deps.db, keyed, kept(answer))) : answer;
  } catch (error) {
    const other = keyed && (await findReply(deps.db, keyed));
    if (other) return unkept(other);
    throw error;
  }
}

const kept = ({ status, body }: Answer<unknown>) => ({ status, text: JSON.stringify(body) });

function unkept<Body>(performed: Performed): Answer<Body> {
  return { status: performed.status, body: JSON.parse(performed.text) as Body };
}

/** Sends an answer whose status is one of those that the route documents. */
export function send<Body>(reply: Reply, answer: Answer<Body>): Body {
  void reply.code(answer.status);
  return answer.body;
}
