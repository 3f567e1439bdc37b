import { type Db, inTransaction, type Transaction } from "#src/database/open.ts";
import { insertAttachments } from "#src/tickets/store/attachments.ts";
import { openThread } from "#src/intake/open-thread.ts";
import { keptFiles } from "#src/intake/incoming-file.ts";
import { retryOvertaken, takeTurn } from "#src/intake/receive-turn.ts";
import { append } from "#src/journal/store/append.ts";
import { digestOf, type Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { newId } from "#src/kernel/ids.ts";
import { createRun, type RunPlace } from "#src/runs/create.ts";
import type { RunBrief } from "#src/runs/run.ts";
import type { Principal } from "#src/people/principal.ts";
import type { Service } from "#src/workspace/model.ts";
import { InputError, readInput, type ServiceInput } from "./body.ts";
import { outputSchemaFor } from "./output-schema.ts";
import { findRepeat, insertCall, lockDigest, type ServiceCall } from "./store/calls.ts";
import { historyOf, textOf } from "./words.ts";

/** A repeat of a call within this time, by the same caller in the same session with the same body, is that call. */
const SAME_CALL_MS = 10 * 60_000;

export interface CallRequest {
  readonly service: Service;
  readonly body: unknown;
  readonly caller: Pick<Principal, "id" | "handle">;
  /** An Idempotency-Key: the same key is the same call, whenever. */
  readonly key?: string | undefined;
}

export interface Called {
  readonly call: ServiceCall;
  readonly input: ServiceInput;
  readonly isRepeat: boolean;
}

/**
 * Takes a call in: a run of its own, or a turn of its session; a repeat gives the call that there is. @throws InputError | LoopError model_missing |
 * agent_unknown | idempotency_key_reused
 */
export async function takeCall(db: Db, place: RunPlace, request: CallRequest): Promise<Called> {
  const { service, caller, key } = request;
  const input = readInput(service, request.body);
  const brief = briefOf(service, input);
  const same = { service: service.name, by: caller.id };
  const digest = digestOf(key === undefined ? { ...same, body: input.body as Json } : { ...same, key });
  const { call, isRepeat } = await retryOvertaken(() =>
    inTransaction(db, async (tx) => {
      await lockDigest(tx, digest);
      const before = await findRepeat(tx, digest, key === undefined ? SAME_CALL_MS : null);
      if (before) return { call: before, isRepeat: true };
      const begun = await begin(tx, place, { request, input, brief });
      failpoint("service.begun");
      const made: ServiceCall = {
        id: newId("job", place.clock.nowMs()),
        service: service.name,
        principalId: caller.id,
        digest,
        callbackUrl: input.callbackUrl ?? null,
        ...begun,
      };
      await insertCall(tx, made);
      failpoint("service.recorded");
      const payload = { call: made.id, service: service.name, run: made.runId, thread: made.threadId, session: made.sessionId };
      await append(tx, place.clock, [{ kind: "service.called", actor: caller.id, ...(made.runId ? { runId: made.runId } : {}), payload }]);
      return { call: made, isRepeat: false };
    }),
  );
  failpoint("service.committed");
  return { call, input, isRepeat };
}

interface Beginning {
  readonly request: CallRequest;
  readonly input: ServiceInput;
  readonly brief: RunBrief;
}

type Begun = Pick<ServiceCall, "sessionId" | "threadId" | "messageId" | "runId">;

/** With a session: a turn of it, after those before. Without: a run that stands alone. What came from outside is trusted as such. */
async function begin(tx: Transaction, place: RunPlace, { request, input, brief }: Beginning): Promise<Begun> {
  const { service, caller } = request;
  const text = textOf(service, input);
  const labels = { service: service.name };
  if (input.sessionId === undefined && !input.conversation) {
    const { attachments, stored } = keptFiles(input.files);
    await insertAttachments(tx, stored);
    const said = { text, source: caller.handle, trust: "outside" as const, attachments };
    const history = historyOf(input, caller.handle);
    const runId = await createRun(tx, place, {
      agent: service.startingAgent,
      ticketId: null,
      threadId: null,
      labels,
      input: said,
      requestedBy: caller.id,
      history,
      brief,
    });
    return { sessionId: null, threadId: null, messageId: null, runId };
  }
  const session = { surface: "service", channel: `${service.name}:${caller.id}`, externalId: input.sessionId };
  const { thread } = await openThread(tx, place, { ...session, agent: service.startingAgent, labels, by: caller });
  const turn = { threadId: thread.id, text, author: caller, trust: "outside", files: input.files, way: "turn", brief: brief as unknown as Json } as const;
  const { messageId, runId } = await takeTurn(tx, place, turn);
  return { sessionId: thread.externalId, threadId: thread.id, messageId, runId };
}

function briefOf(service: Service, input: ServiceInput): RunBrief {
  const output = service.output && outputSchemaFor(service.output, input.body);
  if (output && "member" in output) throw new InputError([{ loc: ["body", output.member], msg: "expected at least one name", type: "too_short" }]);
  if (input.callbackUrl !== undefined && service.callbackSecret === undefined) {
    throw new LoopError(
      "input_invalid",
      `The service ${service.name} calls nobody back: ${service.source} names no callbackSecret to sign with. Leave callback_url out.`,
    );
  }
  return {
    service: service.name,
    callsBack: input.callbackUrl !== undefined,
    chain: [service.startingAgent],
    ...(service.context.business === "" ? {} : { business: service.context.business }),
    ...(output ? { output: output.schema } : {}),
    ...(service.handoffs.length > 0 ? { handoffs: service.handoffs } : {}),
    unusable: service.unusable,
  };
}
