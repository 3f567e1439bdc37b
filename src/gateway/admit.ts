import { rulesOf } from "#src/acts/gate.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { newId } from "#src/kernel/ids.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { append } from "#src/journal/store/append.ts";
import { type AllotResult, allotModelCall } from "#src/ledger/allot.ts";
import { usdText } from "#src/ledger/money.ts";
import type { Reservation } from "#src/ledger/store/reserve.ts";
import { decide } from "#src/policy/decide.ts";
import { GATEWAY_AGENT } from "#src/workspace/manifest/workspace.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { outputOfOneCall, sharedBudgets } from "./run-budgets.ts";
import type { Admitted, GatewayCall, GatewayDeps } from "./terms.ts";
import type { Offer } from "./offer.ts";
import type { Wish } from "./request.ts";
import type { Seats } from "./seats.ts";

export interface Asking {
  readonly call: GatewayCall;
  readonly offer: Offer;
  readonly wish: Wish;
  readonly workspace: Workspace;
}

interface Place {
  readonly deps: GatewayDeps;
  readonly seats: Seats;
  readonly reserve: (reservation: Reservation) => Promise<boolean>;
  /** Settles the calls that have ended. */
  readonly settleEnded: () => Promise<void>;
}

const TRIES = 6; // another call of the same holder may take what was granted

type Need = Pick<Reservation, "nanos" | "tokens">;
type Short = Exclude<AllotResult, { kind: "granted" }>;

/** Asks policy and reserves the most that the call can cost, clamped to what the tightest budget still buys. @throws LoopError model_denied | budget_reached | budget_busy */
export async function admit(place: Place, asking: Asking): Promise<Admitted> {
  const { deps, seats } = place;
  const { call, offer, wish, workspace } = asking;
  const prices = deps.prices(workspace);
  const labels = { ...call.labels, caller: call.caller.handle };
  const { model } = offer;
  const wanted = { budgets: workspace.budgets, facts: { agent: GATEWAY_AGENT, labels }, prices, model, inputTokens: wish.inputTokens };
  const ofOne = outputOfOneCall({ ...wanted, wantedOutput: wish.outputTokens * wish.choices });
  const outputTokens = Math.floor(ofOne / wish.choices);
  const most = outputTokens * wish.choices;
  const nanos = prices.ceilingNanos(offer.model, wish.inputTokens, most);
  await requireAllowed(deps, asking, { labels, costUsd: nanos === null ? null : nanos / 1e9 });
  const admitted = { ...asking, id: newId("gwc", deps.clock.nowMs()), labels, prices, outputTokens };
  const holder = seats.holderOf(labels);
  if (await place.reserve(reservationOf(admitted, holder, { nanos, tokens: wish.inputTokens + most }))) return admitted;
  failpoint("gateway.unseated");
  await place.settleEnded(); // what they did not use may be all that is missing
  return seats.inTurn(holder, () => admitByBudgets(place, admitted));
}

/** The slice does not cover the call: the budgets are asked, one call of a holder after the other. */
async function admitByBudgets({ deps, seats, reserve }: Place, admitted: Admitted): Promise<Admitted> {
  const { wish, workspace, labels, prices, offer } = admitted;
  const wantedOutput = admitted.outputTokens * wish.choices;
  const budgets = sharedBudgets(workspace.budgets);
  let short: Short | undefined;
  for (let tried = 0; tried < TRIES && short === undefined; tried += 1) {
    const holder = seats.holderOf(labels);
    const allotted = await allotModelCall(deps.db, prices, {
      run: { runId: holder, agent: GATEWAY_AGENT, ticketId: null, labels },
      budgets,
      timeZone: workspace.manifest.timeZone,
      model: offer.model,
      inputTokens: wish.inputTokens,
      wantedOutput,
    });
    if (allotted.kind === "closed") seats.leave(holder);
    else if (allotted.kind !== "granted") short = allotted;
    else {
      const outputTokens = Math.floor(allotted.maxOutputTokens / wish.choices);
      if (wish.outputTokens > 0 && outputTokens < 1) break;
      if (await reserve(reservationOf(admitted, holder, allotted.reserve))) return { ...admitted, outputTokens };
    }
  }
  throw await refusedByBudget(deps, admitted, short);
}

function reservationOf({ id, labels, offer, prices }: Admitted, holder: string, need: Need): Reservation {
  return {
    actId: id,
    attempt: 1,
    runId: holder,
    ticketId: null,
    agent: GATEWAY_AGENT,
    labels: { ...labels, purpose: "gateway" },
    tier: offer.tier,
    model: offer.model,
    pricedAs: need.nanos === null ? null : (prices.priceOf(offer.model, { input: 1, cached: 0, output: 1 })?.pricedAs ?? null),
    ...need,
  };
}

async function requireAllowed(
  deps: GatewayDeps,
  { call, offer, wish, workspace }: Asking,
  facts: { labels: Readonly<Record<string, string>>; costUsd: number | null },
) {
  const name = call.path === "embeddings" ? "gateway.embed" : "gateway.chat";
  const decision = decide(rulesOf(workspace), { kind: "model", name, agent: GATEWAY_AGENT, effect: "read", ...facts });
  if (decision.outcome === "allow") return;
  const { rule, why, outcome } = decision;
  await refused(deps, { call, offer }, { rule, why, outcome, inputTokens: wish.inputTokens });
  const asks = outcome === "ask" ? " A person would have to approve it, and nobody can be asked on this endpoint." : "";
  throw new LoopError("model_denied", `Policy does not allow this call: ${why} (${rule}).${asks}`, { facts: { rule } });
}

async function refusedByBudget(deps: GatewayDeps, { call, offer }: Asking, short: Short | undefined): Promise<LoopError> {
  if (short === undefined || short.kind === "closed" || (short.kind === "over" && short.mayClear)) {
    return new LoopError("budget_busy", "Calls that are under way hold what is left of the budget. Try again in a moment.", {
      facts: short?.kind === "over" ? { budget: short.budget, subject: short.subject } : {},
    });
  }
  const { budget, subject } = short;
  const why =
    short.kind === "unpriced"
      ? `The budget ${budget} (${subject}) has a cap in money, and the price of ${short.model} is unknown. Set it under prices in loop.yaml.`
      : `The budget ${budget} (${subject}) is reached: ${short.unit === "nanos" ? `${usdText(short.spentNanos)} of ${usdText(short.capNanos)}` : `${short.spentTokens} of ${short.capTokens} tokens`} spent${short.resetsAtMs === null ? "" : `, until ${new Date(short.resetsAtMs).toISOString()}`}.`;
  await refused(deps, { call, offer }, { rule: `budget:${budget}`, why, outcome: "deny" });
  return new LoopError("budget_reached", why, { facts: { budget, subject } });
}

async function refused(deps: GatewayDeps, { call, offer }: Pick<Asking, "call" | "offer">, more: { readonly [key: string]: Json }): Promise<void> {
  const payload = { caller: call.caller.handle, model: offer.model, path: call.path, labels: call.labels, ...more };
  await append(deps.db, deps.clock, [{ kind: "model.refused", actor: call.caller.id, payload }]);
}
