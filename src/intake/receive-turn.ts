import type { Answerer } from "#src/asks/ask.ts";
import { inTransaction, type Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { digestOf, type Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { type Id, newId, type RunId, type ThreadId } from "#src/kernel/ids.ts";
import { wake } from "#src/leases/store/wake.ts";
import type { Trust } from "#src/policy/trust.ts";
import type { RunPlace } from "#src/runs/create.ts";
import { openTurnOf } from "#src/runs/store/turns.ts";
import { beginTurn } from "#src/runs/turns/begin.ts";
import { insertAttachments } from "#src/tickets/store/attachments.ts";
import { findThreadMessage, insertThreadMessage } from "#src/tickets/store/thread-messages.ts";
import { lockThread } from "#src/tickets/store/threads.ts";
import type { MessageWay } from "#src/tickets/thread.ts";
import { type IncomingFile, keptFiles } from "./incoming-file.ts";
import type { IntakeDeps } from "./receive.ts";

export interface InboundTurn {
  readonly threadId: ThreadId;
  readonly text: string;
  readonly author: Pick<Answerer, "id" | "handle">;
  readonly trust: Trust;
  readonly files?: readonly IncomingFile[];
  /** Its id where it comes from: the same id twice in a thread is one message. */
  readonly externalId?: string | undefined;
  readonly way?: MessageWay;
  readonly brief?: Json;
}

/** created: it began a turn. steered: it goes into the run that is open. waiting: its turn comes when that run has ended. duplicate: it was there. */
export interface ReceivedTurn {
  readonly kind: "created" | "steered" | "waiting" | "duplicate";
  readonly messageId: Id<"msg">;
  /** Null while it waits. */
  readonly runId: RunId | null;
}

type TurnDeps = Pick<IntakeDeps, "db" | "clock" | "workspaces" | "tiers" | "mayTake">;

/** Somebody else began a turn meanwhile: look again. */
class Overtaken extends Error {}
class Duplicate extends Error {}

const TRIES = 5;

/**
 * Takes a message of a conversation in: into the run that is open, or as a turn of its own. Safe to repeat under its external id.
 * @throws LoopError delivery_conflict | storage_full | agent_unknown | model_missing
 */
export async function receiveTurn(deps: TurnDeps, turn: InboundTurn): Promise<ReceivedTurn> {
  const before = await receivedBefore(deps, turn);
  if (before) return before;
  if (!deps.mayTake())
    throw new LoopError("storage_full", "No new work is taken: the disk is nearly full. What is there can be read; free space and it goes on by itself.");
  const { revision, workspace } = await deps.workspaces.current();
  const place = { clock: deps.clock, revision, workspace, tiers: deps.tiers(workspace) };
  try {
    const received = await retryOvertaken(() => inTransaction(deps.db, (tx) => takeTurn(tx, place, turn)));
    failpoint("thread.committed");
    return received;
  } catch (error) {
    if (!(error instanceof Duplicate)) throw error;
    return (await receivedBefore(deps, turn))!;
  }
}

/** Does a transaction with `takeTurn` in it again when somebody else began the turn meanwhile. */
export async function retryOvertaken<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Overtaken) || attempt === TRIES) throw error;
    }
  }
}

/**
 * In a transaction of the caller. The open run is woken first: that locks its row, so that it cannot end without seeing the message; a run that ends looks for
 * messages under the same lock. Where none is open, the thread is locked, so that one of two who come at once begins the turn and the other steers it.
 */
export async function takeTurn(tx: Transaction, place: RunPlace, turn: InboundTurn): Promise<ReceivedTurn> {
  const { threadId } = turn;
  const seen = await openTurnOf(tx, threadId);
  if (seen) await wake(tx, [seen]);
  const open = seen && (await openTurnOf(tx, threadId));
  failpoint("thread.looked");
  if (!open) await lockThread(tx, threadId);
  if (!open && (await openTurnOf(tx, threadId))) throw new Overtaken();
  const messageId = await addMessage(tx, place, turn);
  failpoint("thread.message");
  if (open && turn.way === "turn") return { kind: "waiting", messageId, runId: null };
  if (open) return { kind: "steered", messageId, runId: open };
  const runId = await beginTurn(tx, place, threadId);
  return { kind: "created", messageId, runId: runId ?? null };
}

async function addMessage(tx: Transaction, { clock }: RunPlace, turn: InboundTurn): Promise<Id<"msg">> {
  const { threadId, text, author, trust, externalId, way = "steer", brief = null } = turn;
  const { attachments, stored } = keptFiles(turn.files ?? []);
  await insertAttachments(tx, stored);
  const id = newId("msg", clock.nowMs());
  const message = { id, threadId, role: "person", author: author.handle, trust, text, content: null, attachments, way, brief, runId: null } as const;
  if (!(await insertThreadMessage(tx, { ...message, externalId, bodyDigest: digestOfTurn(turn) }))) throw new Duplicate();
  const files = attachments.map(({ digest, name, mediaType, sizeBytes }) => ({ digest, name, mediaType, sizeBytes }));
  await append(tx, clock, [
    { kind: "thread.message", actor: author.id, payload: { thread: threadId, message: id, text, trust, files, externalId: externalId ?? null } },
  ]);
  return id;
}

async function receivedBefore({ db }: TurnDeps, turn: InboundTurn): Promise<ReceivedTurn | undefined> {
  const { threadId, externalId } = turn;
  if (externalId === undefined) return undefined;
  const known = await findThreadMessage(db, { threadId, externalId });
  if (!known) return undefined;
  if (known.bodyDigest === digestOfTurn(turn)) return { kind: "duplicate", messageId: known.id, runId: known.runId };
  throw new LoopError("delivery_conflict", `The id ${externalId} came in this thread before, with another text. Send it under an id of its own.`, {
    facts: { thread: threadId, message: known.id },
  });
}

const digestOfTurn = ({ text, files = [], author }: InboundTurn): string =>
  digestOf({ text, author: author.id, files: keptFiles(files).attachments.map(({ digest }) => digest) });
