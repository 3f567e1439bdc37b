import { setTimeout as sleep } from "node:timers/promises";
import type { MessagePort, OutboundMessage, PostedRef } from "#src/acts/ports/message-port.ts";
import type { Ask } from "#src/asks/ask.ts";
import { requireAsk } from "#src/asks/store/read.ts";
import { inTransaction, isConnectionLoss } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { type CopyOutcome, recordCopy, recordFailure } from "../store/copies.ts";
import { copyEvent } from "./copy-event.ts";
import type { CopyRow } from "./copy.ts";
import type { DeliverParts } from "./deliverer.ts";
import { askMessage, followUpMessage, settledMessage } from "./message.ts";

/** How long a surface may take for one call. */
const PORT_MS = 12_000;
/** Longer than all calls of one try together. */
export const LEASE_MS = 40_000;

export interface Claimed {
  readonly copy: CopyRow;
  /** By the steady clock of this process. */
  readonly claimedMs: number;
}

/** Does the next thing for a copy that this process has taken. What goes wrong is put on record with a time for the next try; it throws nothing. */
export async function sendCopy(parts: DeliverParts, { copy, claimedMs }: Claimed): Promise<void> {
  try {
    const port = parts.surfaces.get(copy.surface)!;
    const ask = await requireAsk(parts.db, copy.askId);
    const place: Place = { parts, port, ask, copy, claimedMs, message: await messageFor(parts, ask, copy) };
    if (copy.messageId === null) await post(place);
    else await settle(place, { surface: copy.surface, messageId: copy.messageId });
  } catch (error) {
    await fail(parts, copy, error).catch((lost: unknown) => parts.log.warn("a copy of an ask could not be put on record; its lease runs out", { error: lost }));
  }
}

interface Place {
  readonly parts: DeliverParts;
  readonly port: MessagePort;
  readonly ask: Ask;
  readonly copy: CopyRow;
  readonly message: OutboundMessage;
  readonly claimedMs: number;
}

/** False after this process stood still: somebody else may have the copy by now, and otherwise the lease says when. */
const isFresh = ({ claimedMs }: Pick<Place, "claimedMs">): boolean => performance.now() - claimedMs < LEASE_MS - PORT_MS;

async function messageFor(parts: DeliverParts, ask: Ask, copy: CopyRow): Promise<OutboundMessage> {
  const { workspace } = await parts.workspaces.current();
  const ticket = ask.ticketId ? (await requireTicket(parts.db, ask.ticketId)).number : null;
  return askMessage({ ask, to: copy.address, ticket, reminder: copy.reminder, timeZone: workspace.manifest.timeZone, publicUrl: parts.publicUrl });
}

/** A first try posts at once; a later one looks first whether an earlier one did. An ask that is closed by now is not posted any more. */
async function post(place: Place): Promise<void> {
  const { parts, port, ask, copy, message } = place;
  const found = copy.claims > 1 ? await inTime(copy, port.find(copy.id)) : undefined;
  failpoint("deliver.searched");
  if (found === undefined && ask.state !== "open") return record(parts, { ask, copy, outcome: { messageId: null, shown: copy.wanted } });
  if (found === undefined && !isFresh(place)) return;
  const posted = found ?? (await inTime(copy, port.post(message, copy.id)));
  failpoint("deliver.posted");
  await record(parts, { ask, copy, outcome: { messageId: posted.messageId, shown: 1 }, said: { message: posted.messageId } });
}

/** The copy says who decided what. Where nothing can be edited one short message follows, for the first copy of each person. */
async function settle(place: Place, posted: PostedRef): Promise<void> {
  const { parts, port, ask, copy, message } = place;
  const outcome = { messageId: posted.messageId, shown: copy.wanted };
  const key = `${copy.id}:${copy.wanted}`;
  const { timeZone } = (await parts.workspaces.current()).workspace.manifest;
  if (port.edit) {
    await inTime(copy, port.edit(posted, settledMessage(ask, message, timeZone), key));
    failpoint("deliver.edited");
    return record(parts, { ask, copy, outcome, said: { message: posted.messageId, what: "settled", how: "edited" } });
  }
  if (!copy.isFirst) return record(parts, { ask, copy, outcome });
  const found = await inTime(copy, port.find(key));
  if (found === undefined && !isFresh(place)) return;
  const followed = found ?? (await inTime(copy, port.post(followUpMessage(ask, message, timeZone), key)));
  failpoint("deliver.followed_up");
  await record(parts, { ask, copy, outcome, said: { message: followed.messageId, what: "settled", how: "followed up" } });
}

interface Sent {
  readonly ask: Ask;
  readonly copy: CopyRow;
  readonly outcome: CopyOutcome;
  /** For the journal; left out where nothing was sent. */
  readonly said?: { readonly [key: string]: Json };
}

async function record({ db, clock }: DeliverParts, { ask, copy, outcome, said }: Sent): Promise<void> {
  await inTransaction(db, async (tx) => {
    const isMine = await recordCopy(tx, copy, outcome);
    failpoint("deliver.recorded");
    if (isMine && said) await append(tx, clock, [copyEvent("ask.delivered", { ask, copy }, said)]);
  });
  failpoint("deliver.committed");
}

async function inTime<T>(copy: CopyRow, call: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const late = sleep(PORT_MS, undefined, { signal: stop.signal, ref: false }).then(() => {
    throw new LoopError("surface_unavailable", `${copy.surface} did not answer within ${PORT_MS / 1000} s`);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    stop.abort();
    late.catch(() => undefined);
    call.catch(() => undefined); // nobody may be waiting any more
  }
}

const FIRST_MS = 2_000;
const LONGEST_MS = 600_000;
const FIRST_AFTER_REFUSAL_MS = 60_000;
const LONGEST_AFTER_REFUSAL_MS = 6 * 3_600_000;
/** An edit that is refused so often is left: the question is settled, and whoever answers the old message is told so. */
const MOST_REFUSED_EDITS = 5;

/** Twice as long after each failure, and not all at once. */
function backOffMs(failures: number, isRefusal: boolean): number {
  const [firstMs, longestMs] = isRefusal ? [FIRST_AFTER_REFUSAL_MS, LONGEST_AFTER_REFUSAL_MS] : [FIRST_MS, LONGEST_MS];
  return Math.round(Math.min(firstMs * 2 ** Math.min(failures, 20), longestMs) * (0.75 + Math.random() / 4));
}

async function fail({ db, clock, log }: DeliverParts, copy: CopyRow, problem: unknown): Promise<void> {
  const named = problem instanceof LoopError ? problem : undefined;
  if (!named) log[isConnectionLoss(problem) ? "warn" : "error"]("something broke while a copy of an ask was sent", { copy: copy.id, error: problem });
  const error = { code: named?.code ?? "internal_error", message: named?.message ?? "something broke in this server; its log says what" };
  const isRefusal = named?.retry === "never";
  const isOver = copy.messageId !== null && isRefusal && copy.failures + 1 >= MOST_REFUSED_EDITS;
  const retryMs = isOver ? null : backOffMs(copy.failures, isRefusal);
  const isNews = copy.error?.message !== error.message || isOver;
  await inTransaction(db, async (tx) => {
    const isMine = await recordFailure(tx, copy, { error, retryMs });
    failpoint("deliver.failed");
    if (!isMine || !isNews) return;
    const ask = await requireAsk(tx, copy.askId);
    const what = copy.messageId === null ? {} : { what: "settled" };
    await append(tx, clock, [copyEvent("ask.delivery_failed", { ask, copy }, { ...what, code: error.code, why: error.message, failures: copy.failures + 1 })]);
  });
  failpoint("deliver.failure_committed");
}
