import { type Db, isConnectionLoss, retried } from "#src/database/open.ts";
import { prepareEvent, type PreparedEvent } from "#src/journal/event.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { Log } from "#src/kernel/log.ts";
import { returnAllotment } from "#src/ledger/allot.ts";
import { lostAttempt } from "#src/ledger/store/settle.ts";
import { type LoneSettlement, settleMany } from "#src/ledger/store/settle-many.ts";
import { batched } from "#src/kernel/batched.ts";
import type { Seen } from "./meter.ts";
import type { Admitted } from "./terms.ts";

/**
 * How a call ended. done: the whole answer went through. left: the client hung up. refused: the provider turned it away, or was not reached, so nothing is
 * charged. broken: the answer broke off, or was none.
 */
export type Ending = "done" | "left" | "refused" | "broken";

/** Estimates of the output go by the same measure as those of the input, in the provider's disfavour and ours. */
const BYTES_A_TOKEN = 2;

export const UNKNOWN: Seen = { tokens: null, outputBytes: 0, model: null, failed: false };
const NO_TOKENS = { input: 0, cached: 0, output: 0, reasoning: 0 };

/** What a call turned out to cost: by the provider's word, else by counted bytes, else, where nothing of the answer came, by its reservation. */
function settlementOf(admitted: Admitted, ending: Ending, seen: Seen = UNKNOWN): LoneSettlement {
  const { id, offer, prices, wish } = admitted;
  const base = { actId: id, attempt: 1 };
  if (ending === "refused") return { ...base, costNanos: 0, listNanos: 0, pricedAs: null, model: null, tokens: NO_TOKENS, source: "measured" };
  const model = seen.model === null ? null : `${offer.model.slice(0, offer.model.indexOf(":"))}:${seen.model}`;
  if (seen.tokens) return { ...base, ...prices.costOf(offer.model, seen.tokens), model, tokens: seen.tokens, source: "measured" };
  const wasSeen = ending === "done" || seen.outputBytes > 0;
  if (!wasSeen) return { ...lostAttempt(id, 1), model };
  const output = Math.min(Math.ceil(seen.outputBytes / BYTES_A_TOKEN), admitted.outputTokens * wish.choices);
  const tokens = { input: wish.inputTokens, cached: null, output, reasoning: null };
  return { ...base, ...prices.costOf(offer.model, tokens), model, tokens, source: "estimated" };
}

export interface Settler {
  /** Comes back at once: the call is reserved, so nothing is lost if this process dies now. */
  settle(admitted: Admitted, ending: Ending, seen?: Seen): void;
  /** When what was given by now is on record, or given up; it is hurried on, since somebody wants what it frees. */
  settled(): Promise<void>;
  /** When everything is. */
  drained(): Promise<void>;
}

const MOST_AT_ONCE = 200;
/** No answer waits for a settlement, so calls that end within this time share a commit. A crash within it settles them at their reservation, as one between answer and record does. */
const GATHER_MS = 20;
const RETRY_MS = 1_000;
const RETRIES = 60;

export function createSettler({ db, clock, log }: { db: Db; clock: Clock; log: Log }): Settler {
  interface Item {
    readonly settlement: LoneSettlement;
    readonly event: PreparedEvent;
  }
  const write = batched<Item, void>(
    async (items) => {
      const settlements = items.map(({ settlement }) => settlement);
      const events = items.map(({ event }) => event);
      const draining = await tried(() => retried(() => settleMany(db, settlements, events)));
      failpoint("gateway.settled");
      for (const holder of draining) await returnAllotment(db, holder);
      return items.map(() => undefined);
    },
    { most: MOST_AT_ONCE, gatherMs: GATHER_MS },
  );
  const open = new Set<Promise<void>>();
  const settled = async (): Promise<void> => {
    void write.flush();
    await Promise.all(open);
  };
  return {
    settle(admitted, ending, seen) {
      const settlement = settlementOf(admitted, ending, seen);
      const event = prepareEvent(eventOf(admitted, { ending, reason: seen?.reason }, settlement), clock.nowMs());
      const work = write({ settlement, event }).catch((error: unknown) =>
        log.error("a call of the gateway was not settled; it counts with its reservation", { call: admitted.id, error }),
      );
      open.add(work);
      void work.finally(() => open.delete(work));
    },
    settled,
    async drained() {
      while (open.size > 0) await settled();
    },
  };
}

function eventOf(
  { id, call, offer, labels }: Admitted,
  { ending, reason }: { readonly ending: Ending; readonly reason: Seen["reason"] },
  { tokens, costNanos, source, model }: LoneSettlement,
) {
  const told = { ending, ...(reason === undefined ? {} : { reason }) };
  const payload = { call: id, path: call.path, asked: offer.name, model: model ?? offer.model, labels, ...told, costNanos, tokens: { ...tokens }, source };
  return { kind: "model.called", actor: call.caller.id, payload };
}

/** A database that is away for a while does not lose what calls cost. */
async function tried<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === RETRIES || !isConnectionLoss(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
