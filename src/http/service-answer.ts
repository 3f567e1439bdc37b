import type { FastifyReply, FastifyRequest } from "fastify";
import { awaitTurn } from "#src/intake/await-answer.ts";
import type { RunWatch } from "#src/runs/watch.ts";
import type { Called } from "#src/services/call.ts";
import { endOfCall } from "#src/services/end.ts";
import type { CallResult } from "#src/services/result.ts";
import type { Service } from "#src/workspace/model.ts";
import type { HttpDeps } from "./deps.ts";

/** One call that was taken in and is to be answered. */
export interface Settling {
  readonly deps: HttpDeps;
  readonly watch: RunWatch;
  readonly service: Service;
  readonly called: Called;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** How the run of the call stands when it rests, or when this time is over. */
export async function waitFor({ deps, watch, called, request }: Settling, timeoutMs: number) {
  const { call, isHere } = called;
  const { signal } = request;
  if (call.messageId === null) return (await watch.rested(call.runId!, { timeoutMs, signal, isHere })) ?? endOfCall(deps.db, call);
  await awaitTurn(deps.db, watch, { messageId: call.messageId, timeoutMs, signal });
  return endOfCall(deps.db, call);
}

interface ResultPlace {
  /** At its own path a service answers with its output alone. */
  readonly bare: boolean;
  readonly runId: string | null;
  readonly sessionId: string | null;
}

export function sendResult(reply: FastifyReply, result: CallResult, place: ResultPlace): FastifyReply {
  return reply.code(result.status).send(bodyOf(result, place));
}

export function bodyOf(result: CallResult, { bare, runId, sessionId }: ResultPlace): unknown {
  if (bare && result.state === "done") return result.output;
  const { state, output, code, error } = result;
  return { run_id: runId, session_id: sessionId, state, output, code, error };
}
