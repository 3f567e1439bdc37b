import { WireBroken } from "#src/acts/ports/openai-wire-port.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { Reservation } from "#src/ledger/store/reserve.ts";
import { reserveMany } from "#src/ledger/store/reserve-many.ts";
import { may, requirePermission } from "#src/people/permission.ts";
import type { Caller } from "#src/people/principal.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { nearest } from "#src/workspace/nearest.ts";
import { admit } from "./admit.ts";
import { batched } from "#src/kernel/batched.ts";
import { createStreamMeter, ERROR_FRAME, readWhole } from "./meter.ts";
import { findOffer, type Offer, offersOf } from "./offer.ts";
import { clientError, isCharged } from "./provider-failure.ts";
import { outgoingBody, wishOf } from "./request.ts";
import { createSeats } from "./seats.ts";
import { createSettler, type Ending, UNKNOWN } from "./settle.ts";
import type { GatewayAnswer, GatewayCall, GatewayDeps, OnItsWay } from "./terms.ts";
import { translated } from "./translated.ts";

/** Models for any client, with budget, policy, ledger and journal in front. */
export interface Gateway {
  /** Those that this caller may name. @throws LoopError route_unknown where the workspace has no gateway */
  models(caller: Caller): Promise<readonly Offer[]>;
  /** @throws LoopError route_unknown | model_unknown | permission_missing | call_refused | model_denied | budget_reached | budget_busy | provider_limited | provider_failed */
  call(call: GatewayCall): Promise<GatewayAnswer>;
  /** Waits for what is to be settled, and gives slices back. */
  close(): Promise<void>;
}

const MOST_RESERVED_AT_ONCE = 200;

export function createGateway(deps: GatewayDeps): Gateway {
  const seats = createSeats(deps);
  const settler = createSettler(deps);
  const reserve = batched<Reservation, boolean>(
    async (reservations) => {
      const reserved = await reserveMany(deps.db, reservations);
      failpoint("gateway.reserved");
      return reservations.map(({ actId }) => reserved.has(actId));
    },
    { most: MOST_RESERVED_AT_ONCE },
  );
  return {
    async models(caller) {
      const workspace = await workspaceOf(deps);
      return offersOf(workspace, deps.tiers(workspace)).filter(({ scope }) => may(caller, scope));
    },
    async call(call) {
      const workspace = withGateway(call.workspace);
      if (!deps.mayTake()) throw new LoopError("storage_full", "No model is called: the disk is nearly full, and what it costs could not be recorded.");
      const offer = offerOf(deps, workspace, call);
      const wish = wishOf(call, workspace.manifest.defaults.maxOutputTokens);
      const speaks = deps.wire.speaks(offer.model, workspace.manifest.providers);
      const prepared = speaks === undefined ? translated(call, wish) : undefined; // what cannot be translated is refused before anything is reserved
      const admitted = await admit({ deps, seats, reserve, settleEnded: settler.settled }, { call, offer, wish, workspace });
      const place = { deps, settler, admitted };
      return prepared === undefined ? forward(place, speaks!) : prepared.perform(place);
    },
    async close() {
      await settler.drained();
      await seats.close();
    },
  };
}

async function workspaceOf({ workspaces }: GatewayDeps): Promise<Workspace> {
  const { workspace } = await workspaces.current();
  return withGateway(workspace);
}

function withGateway(workspace: Workspace): Workspace {
  if (workspace.manifest.gateway) return workspace;
  throw new LoopError("route_unknown", "This workspace has no gateway. Add `gateway: { models: [fast] }` to loop.yaml and apply it.");
}

function offerOf(deps: GatewayDeps, workspace: Workspace, { body, caller }: GatewayCall): Offer {
  const name = typeof body["model"] === "string" ? body["model"].slice(0, 200) : "";
  const tiers = deps.tiers(workspace);
  const offer = findOffer(workspace, tiers, name);
  if (offer) {
    requirePermission(caller, offer.scope);
    return offer;
  }
  const names = offersOf(workspace, tiers).map((known) => known.name);
  const close = nearest(name, names);
  const hint = close === undefined ? ` Offered: ${names.slice(0, 20).join(", ") || "none by name"}.` : ` Did you mean ${close}?`;
  throw new LoopError("model_unknown", `There is no model "${name}" here.${hint}`, { facts: { model: name } });
}

async function forward(place: OnItsWay, speaks: "openai" | "compatible"): Promise<GatewayAnswer> {
  const { deps, settler, admitted } = place;
  const { call, offer, wish, outputTokens, workspace } = admitted;
  const body = call.path === "embeddings" ? call.body : outgoingBody(call.body, { streams: wish.streams, outputTokens, speaks });
  const answer = await settledIfThrown(place, () =>
    deps.wire.send({ model: offer.model, providers: workspace.manifest.providers, path: call.path, body, signal: call.signal }),
  );
  failpoint("gateway.answered");
  if (answer.kind === "failed") {
    settler.settle(admitted, isCharged(answer.failure) ? "broken" : "refused", { ...UNKNOWN, reason: answer.failure.reason });
    throw clientError(answer.failure, deps.clock.nowMs());
  }
  if (wish.streams && /text\/event-stream/i.test(answer.contentType)) {
    return { kind: "stream", contentType: "text/event-stream; charset=utf-8", pieces: relayed(place, answer.body) };
  }
  return { kind: "whole", contentType: answer.contentType, bytes: await readAll(place, answer.body) };
}

async function settledIfThrown<T>({ settler, admitted }: OnItsWay, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    settler.settle(admitted, "broken");
    throw error;
  }
}

async function readAll({ deps, settler, admitted }: OnItsWay, body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of body) pieces.push(piece);
  } catch (error) {
    settler.settle(admitted, "broken");
    throw error instanceof WireBroken ? clientError(error.failure, deps.clock.nowMs()) : error;
  }
  const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  const seen = readWhole(bytes, admitted.call.path === "embeddings");
  const usable = seen !== undefined && !seen.failed;
  settler.settle(admitted, usable ? "done" : "broken", seen);
  if (!usable) throw new LoopError("provider_failed", "The provider gave an answer that is none.", { facts: { reason: "malformed" } });
  return bytes;
}

/** The stream as it comes, metered. However it ends, by the provider, by a break, by a client that hangs up, it is settled once. */
async function* relayed({ settler, admitted }: OnItsWay, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const meter = createStreamMeter(admitted.wish.wantsUsage);
  let ending: Ending = "left";
  try {
    for await (const piece of body) {
      yield* meter.take(piece);
      if (meter.seen().failed) break;
    }
    yield* meter.rest();
    ending = meter.seen().failed ? "broken" : "done";
    if (ending === "broken") yield ERROR_FRAME;
  } catch (error) {
    if (!(error instanceof WireBroken)) throw error;
    ending = admitted.call.signal.aborted ? "left" : "broken";
    yield ERROR_FRAME;
  } finally {
    settler.settle(admitted, ending, meter.seen());
  }
}
