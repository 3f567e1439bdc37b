import { type Db, inTransaction, type Transaction } from "#src/database/open.ts";
import type { BudgetManifest } from "#src/workspace/manifest/governance.ts";
import { applicableBudgets, type BudgetPeriod, type RunFacts } from "./budgets.ts";
import type { PriceList } from "./prices.ts";
import { grant, type GrantRow, type GrantWish } from "./store/grant.ts";
import { hasCallsOut, type PeriodState, statesOf } from "./store/period-state.ts";
import { reclaim } from "./store/reclaim.ts";
import { giveBack, lockScopeOf } from "./store/return.ts";
import { lockScope, makeRows, readSeat, type Seat } from "./store/seat.ts";

export interface AllotRequest {
  readonly run: RunFacts;
  /** The budgets in force now, all of them: which apply is found here. */
  readonly budgets: readonly BudgetManifest[];
  /** The workspace's zone, for budgets that name none. */
  readonly timeZone: string;
  /** `provider:model`; null for what is no model call. */
  readonly model: string | null;
  /** The most that the next call can cost; null is unknown. */
  readonly needNanos: number | null;
  readonly needTokens: number;
  /** How much to take at once while there is plenty; left out: a hundredth of the smallest cap. */
  readonly sliceNanos?: number;
  readonly sliceTokens?: number;
}

export interface BudgetMark {
  readonly budget: string;
  readonly subject: string;
}

/** A blocking budget that cannot take the call. Nanos and tokens; null: no cap in that unit. */
export interface OverBudget extends BudgetMark {
  readonly kind: "over";
  readonly onReach: BudgetPeriod["onReach"];
  /** The unit that is short. */
  readonly unit: "nanos" | "tokens";
  readonly capNanos: number | null;
  readonly spentNanos: number;
  readonly capTokens: number | null;
  readonly spentTokens: number;
  /** Reserved by calls that are out now. */
  readonly reservedNanos: number;
  readonly reservedTokens: number;
  /** Only calls that went out a short while ago stand in the way: what they do not use comes back, and the same call may then fit. */
  readonly mayClear: boolean;
  /** Milliseconds since 1970; null where the period has no end. */
  readonly resetsAtMs: number | null;
  /** The most that one call of this run could still reserve over all its budgets; null: no blocking cap in that unit. Never negative. */
  readonly roomNanos: number | null;
  readonly roomTokens: number | null;
}

/**
 * granted: the slice covers the call; reserve exactly `reserve` (null nanos: the price is unknown, and no cap forbids that), which may still fail when
 * another call of the run came first. `warned`: budgets that only warn and that this call may take beyond their cap. unpriced: a blocking cap in money and a model without a price. closed: the run has ended.
 */
export type AllotResult =
  | { readonly kind: "granted"; readonly reserve: { readonly nanos: number | null; readonly tokens: number }; readonly warned: readonly BudgetMark[] }
  | OverBudget
  | { readonly kind: "unpriced"; readonly model: string | null; readonly budget: string; readonly subject: string }
  | { readonly kind: "closed" };

/**
 * Makes the run's allotment cover one more call: opens it, tops it up, or moves it to new periods or changed budgets. All budgets of the run or none.
 * Where the slice covers the call already, this is one read that locks nothing, and no budget warns; else it is a transaction of its own. Before it
 * says "over", slices that other runs hold unused are taken back.
 */
export async function ensureAllotment(db: Db, request: AllotRequest): Promise<AllotResult> {
  const { run, needNanos, needTokens } = request;
  const reserve = { nanos: needNanos, tokens: needTokens };
  const seat = await readSeat(db, run.runId, reserve);
  const periods = applicableBudgets(request.budgets, run, { nowMs: seat.now.getTime(), timeZone: request.timeZone });
  const inMoney = periods.find((period) => period.onReach !== "warn" && period.capNanos !== null);
  if (needNanos === null && inMoney) return { kind: "unpriced", model: request.model, budget: inMoney.budget, subject: inMoney.subject };
  if (seat.covered && isSeatedIn(seat, periods)) return { kind: "granted", reserve, warned: [] };
  return inTransaction(db, async (tx) => {
    const wish = wishOf(request, periods);
    await makeRows(tx, run.runId, periods);
    if (periods[0]) await lockScope(tx, periods[0].id);
    const row = await grantWithReclaim(tx, wish);
    if (!row) return { kind: "closed" };
    if (!row.fits) return overBudget(tx, wish, row);
    return { kind: "granted", reserve, warned: await warnedBudgets(tx, wish, row.passed) };
  });
}

function isSeatedIn(seat: Seat, periods: readonly BudgetPeriod[]): boolean {
  return (
    seat.periods?.join() === periods.map(({ id }) => id).join() &&
    seat.limitedNanos === periods.some(({ capNanos }) => capNanos !== null) &&
    seat.limitedTokens === periods.some(({ capTokens }) => capTokens !== null) &&
    seat.refusesUnpriced === periods.some(({ capNanos, onReach }) => capNanos !== null && onReach !== "warn")
  );
}

function wishOf(request: AllotRequest, periods: readonly BudgetPeriod[]): GrantWish {
  return {
    runId: request.run.runId,
    periods,
    needNanos: request.needNanos ?? 0,
    needTokens: request.needTokens,
    sliceNanos: request.sliceNanos ?? null,
    sliceTokens: request.sliceTokens ?? null,
  };
}

async function grantWithReclaim(tx: Transaction, wish: GrantWish): Promise<GrantRow | undefined> {
  const row = await grant(tx, wish);
  if (!row || row.fits) return row;
  const given = await reclaim(tx, wish.runId, [...row.short_nanos_in, ...row.short_tokens_in]);
  return given === 0 ? row : grant(tx, wish);
}

async function overBudget(tx: Transaction, { periods, needNanos, needTokens }: GrantWish, row: GrantRow): Promise<OverBudget> {
  const unit = row.short_nanos_in.length > 0 ? "nanos" : "tokens";
  const id = (row.short_nanos_in[0] ?? row.short_tokens_in[0])!;
  const period = periods.find((candidate) => candidate.id === id)!;
  const [state] = await statesOf(tx, [id]);
  const { budget, subject, onReach, endsAtMs } = period;
  const { spentNanos, spentTokens, reservedNanos, reservedTokens, raisedNanos, raisedTokens } = state!;
  const capNanos = period.capNanos === null ? null : period.capNanos + raisedNanos;
  const capTokens = period.capTokens === null ? null : period.capTokens + raisedTokens;
  const fitsWhenSettled = unit === "nanos" ? spentNanos + needNanos <= capNanos! : spentTokens + needTokens <= capTokens!;
  const mayClear = fitsWhenSettled && (await hasCallsOut(tx, id));
  const room = { roomNanos: atLeastZero(row.room_nanos), roomTokens: atLeastZero(row.room_tokens) };
  const spent = { spentNanos, spentTokens, reservedNanos, reservedTokens };
  return { kind: "over", budget, subject, onReach, unit, capNanos, capTokens, ...spent, mayClear, resetsAtMs: endsAtMs, ...room };
}

const atLeastZero = (amount: number | null): number | null => (amount === null ? null : Math.max(0, amount));

/** Granted counts slices that nobody has used; what is spent, out, or promised, as it is to this call, says whether the cap is really passed. */
async function warnedBudgets(tx: Transaction, wish: GrantWish, passed: readonly string[]): Promise<BudgetMark[]> {
  if (passed.length === 0) return [];
  const states = new Map((await statesOf(tx, passed)).map((state) => [state.id, state]));
  const isPassed = (period: BudgetPeriod, state: PeriodState): boolean =>
    (period.capNanos !== null && state.spentNanos + state.reservedNanos > period.capNanos + state.raisedNanos) ||
    (period.capTokens !== null && state.spentTokens + state.reservedTokens > period.capTokens + state.raisedTokens);
  return wish.periods.filter((period) => states.has(period.id) && isPassed(period, states.get(period.id)!)).map(({ budget, subject }) => ({ budget, subject }));
}

export interface CallRequest extends Omit<AllotRequest, "model" | "needNanos" | "needTokens"> {
  readonly model: string;
  /** An upper bound. */
  readonly inputTokens: number;
  readonly wantedOutput: number;
}

type Granted = Extract<AllotResult, { kind: "granted" }> & { readonly maxOutputTokens: number };

/** `opens`: see `openModelCall`. */
export type CallAllotment = (Granted & { readonly opens?: boolean }) | Exclude<AllotResult, { kind: "granted" }>;

/**
 * Where no budget applies to the run nothing is asked: its first reservation opens its allotment. Undefined where some budget does. When the reservation
 * finds an allotment of other terms, `allotModelCall` moves it to these.
 */
export function openModelCall(prices: PriceList, request: CallRequest, nowMs: number): (Granted & { readonly opens: true }) | undefined {
  if (applicableBudgets(request.budgets, request.run, { nowMs, timeZone: request.timeZone }).length > 0) return undefined;
  const { model, inputTokens, wantedOutput } = request;
  const reserve = { nanos: prices.ceilingNanos(model, inputTokens, wantedOutput), tokens: inputTokens + wantedOutput };
  return { kind: "granted", reserve, warned: [], maxOutputTokens: wantedOutput, opens: true };
}

const CLAMP_TRIES = 3; // others may take the room between two looks

/** As `ensureAllotment`, for a model call: where the whole output does not fit, as much of it as the tightest budget still buys (16 tokens at least). */
export async function allotModelCall(db: Db, prices: PriceList, request: CallRequest): Promise<CallAllotment> {
  let maxOutputTokens = request.wantedOutput;
  for (let attempt = 1; ; attempt += 1) {
    const result = await ensureAllotment(db, {
      ...request,
      needNanos: prices.ceilingNanos(request.model, request.inputTokens, maxOutputTokens),
      needTokens: request.inputTokens + maxOutputTokens,
    });
    if (result.kind === "granted") return { ...result, maxOutputTokens };
    if (result.kind !== "over" || attempt === CLAMP_TRIES) return result;
    const { model, inputTokens } = request;
    const clamped = prices.clampOutput({
      model,
      inputTokens,
      wantedOutput: maxOutputTokens,
      remainingNanos: result.roomNanos,
      remainingTokens: result.roomTokens,
    });
    if (clamped === null) return result;
    maxOutputTokens = clamped;
  }
}

/** At the end of a run: unused money and tokens go back to every budget, what was spent stays with them. Safe to call twice, and again after a late charge. */
export async function returnAllotment(db: Db, runId: string): Promise<void> {
  await moveToPeriods(db, runId, true);
}

/** For a run that will wait for long, or had an overrun: as above, but the next call may ask for a new slice. */
export async function releaseAllotment(db: Db, runId: string): Promise<void> {
  await moveToPeriods(db, runId, false);
}

async function moveToPeriods(db: Db, runId: string, final: boolean): Promise<void> {
  await inTransaction(db, async (tx) => {
    await lockScopeOf(tx, runId);
    await giveBack(tx, runId, final);
  });
}
