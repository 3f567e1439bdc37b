import { type Db, inTransaction, type Transaction } from "#src/database/open.ts";
import { insertAttachments } from "#src/tickets/store/attachments.ts";
import { openThread } from "#src/intake/open-thread.ts";
import { keptFiles } from "#src/intake/incoming-file.ts";
import { retryOvertaken, takeTurn } from "#src/intake/receive-turn.ts";
import { prepareEvent, type PreparedEvent } from "#src/journal/event.ts";
import { digestOf, type Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { newId } from "#src/kernel/ids.ts";
import { birthOf, type RunPlace, stateOf } from "#src/runs/create.ts";
import type { Seat } from "#src/runs/seats.ts";
import type { RunBrief } from "#src/runs/run.ts";
import { firstLease } from "#src/runs/store/write.ts";
import type { Principal } from "#src/people/principal.ts";
import type { Service } from "#src/workspace/model.ts";
import { InputError, readInput, type ServiceInput } from "./body.ts";
import { outputSchemaFor } from "./output-schema.ts";
import { findRepeat, insertCall, insertCallWithRun, type ServiceCall } from "./store/calls.ts";
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
  /** Its run is moving in this process already. */
  readonly isHere: boolean;
}

/** Where a call is taken in. `seat`: a place for its run in this process, where runs move here. */
export interface CallPlace extends RunPlace {
  readonly seat?: (() => Seat | undefined) | undefined;
}

const TRIES = 5;

/**
 * Takes a call in: a run of its own, or a turn of its session; a repeat gives the call that there is. @throws InputError | LoopError model_missing |
 * agent_unknown | idempotency_key_reused
 */
export async function takeCall(db: Db, place: CallPlace, request: CallRequest): Promise<Called> {
  const { service, caller, key } = request;
  const input = readInput(service, request.body);
  const same = { service: service.name, by: caller.id };
  const digest = digestOf(key === undefined ? { ...same, body: input.body as Json } : { ...same, key });
  const withinMs = key === undefined ? SAME_CALL_MS : null;
  const taking: Taking = { request, input, brief: briefOf(service, input), digest, withinMs };
  const inSession = input.sessionId !== undefined || input.conversation;
  for (let tried = 1; tried <= TRIES; tried += 1) {
    const before = inSession || tried > 1 ? await findRepeat(db, digest, withinMs) : undefined;
    if (before) return { call: before, input, isRepeat: true, isHere: false };
    const made = inSession ? await takeInSession(db, place, taking) : await takeAlone(db, place, taking);
    if (!made) continue; // another of the same digest came first
    failpoint("service.committed");
    return { call: made.call, input, isRepeat: false, isHere: made.begin?.() ?? false };
  }
  throw new Error(`calls of the digest ${digest} came and went ${TRIES} times`);
}

interface Taking {
  readonly request: CallRequest;
  readonly input: ServiceInput;
  readonly brief: RunBrief;
  readonly digest: string;
  readonly withinMs: number | null;
}

interface Taken {
  readonly call: ServiceCall;
  readonly begin?: () => boolean;
}

/** A run that stands alone. What came from outside is trusted as such. Undefined: it is a repeat. */
async function takeAlone(db: Db, place: CallPlace, taking: Taking): Promise<Taken | undefined> {
  const { request, input, brief, withinMs } = taking;
  const { service, caller } = request;
  const { attachments, stored } = keptFiles(input.files);
  const said = { text: textOf(service, input), source: caller.handle, trust: "outside" as const, attachments };
  const run = { agent: service.startingAgent, ticketId: null, threadId: null, labels: { service: service.name } };
  const birth = birthOf(place, { ...run, input: said, requestedBy: caller.id, history: historyOf(input, caller.handle), brief });
  const call = callOf(place, taking, { sessionId: null, threadId: null, messageId: null, runId: birth.run.id });
  const events = [birth.event, calledEvent(place, call)];
  const seat = birth.run.lanes.length === 0 ? place.seat?.() : undefined; // bounded ones are claimed one after the other
  try {
    const insert = (on: Db | Transaction) => insertCallWithRun(on, { call, withinMs, events, birth, holder: seat });
    const nowMs = stored.length === 0 ? await insert(db) : await inTransaction(db, async (tx) => (await insertAttachments(tx, stored), insert(tx)));
    if (nowMs === undefined) {
      seat?.leave();
      return undefined;
    }
    const { revision, workspace } = place;
    const claimed = { lease: firstLease(birth.run.id), state: stateOf(birth, nowMs), readAtMs: performance.now(), current: { revision, workspace } };
    return { call, begin: () => (seat?.take(claimed), seat !== undefined) };
  } catch (error) {
    seat?.leave();
    throw error;
  }
}

class Repeated extends Error {}

/** A turn of its session, after those before. */
async function takeInSession(db: Db, place: RunPlace, taking: Taking): Promise<Taken | undefined> {
  const { request, input, brief, withinMs } = taking;
  const { service, caller } = request;
  const session = { surface: "service", channel: `${service.name}:${caller.id}`, externalId: input.sessionId };
  const take = async (tx: Transaction): Promise<ServiceCall> => {
    const { thread } = await openThread(tx, place, { ...session, agent: service.startingAgent, labels: { service: service.name }, by: caller });
    const said = { threadId: thread.id, text: textOf(service, input), author: caller, trust: "outside", files: input.files, way: "turn" } as const;
    const { messageId, runId } = await takeTurn(tx, place, { ...said, brief: brief as unknown as Json });
    failpoint("service.begun");
    const call = callOf(place, taking, { sessionId: thread.externalId, threadId: thread.id, messageId, runId });
    if (!(await insertCall(tx, { call, withinMs, events: [calledEvent(place, call)] }))) throw new Repeated();
    failpoint("service.recorded");
    return call;
  };
  try {
    return { call: await retryOvertaken(() => inTransaction(db, take)) };
  } catch (error) {
    if (error instanceof Repeated) return undefined;
    throw error;
  }
}

function callOf(
  { clock }: RunPlace,
  { request, input, digest }: Taking,
  begun: Pick<ServiceCall, "sessionId" | "threadId" | "messageId" | "runId">,
): ServiceCall {
  const { service, caller } = request;
  return { id: newId("job", clock.nowMs()), service: service.name, principalId: caller.id, digest, callbackUrl: input.callbackUrl ?? null, ...begun };
}

function calledEvent({ clock }: RunPlace, { id, service, runId, threadId, sessionId, principalId }: ServiceCall): PreparedEvent {
  const payload = { call: id, service, run: runId, thread: threadId, session: sessionId };
  return prepareEvent({ kind: "service.called", actor: principalId, ...(runId ? { runId } : {}), payload }, clock.nowMs());
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
