import type { ModelPort } from "#src/acts/ports/model-port.ts";
import type { OpenAIWirePort } from "#src/acts/ports/openai-wire-port.ts";
import type { Db } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { Id } from "#src/kernel/ids.ts";
import type { Log } from "#src/kernel/log.ts";
import type { PriceList } from "#src/ledger/prices.ts";
import type { Caller } from "#src/people/principal.ts";
import type { ModelTiers } from "#src/runs/think/tiers.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { Offer } from "./offer.ts";
import type { Body, GatewayPath, Wish } from "./request.ts";
import type { Settler } from "./settle.ts";

export interface GatewayDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly workspaces: WorkspaceView;
  readonly tiers: (workspace: Workspace) => ModelTiers;
  readonly prices: (workspace: Workspace) => PriceList;
  readonly wire: OpenAIWirePort;
  /** For providers of other wires. */
  readonly model: ModelPort;
  /** False while nothing can be written: nothing is reserved then, so nothing is called. */
  readonly mayTake: () => boolean;
}

export interface GatewayCall {
  readonly caller: Caller;
  readonly path: GatewayPath;
  readonly body: Body;
  readonly sizeBytes: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  /** In force when the call came. */
  readonly workspace: Workspace;
}

/** A stream must be read, at least begun: its end settles the call, whoever ends it. */
export type GatewayAnswer =
  | { readonly kind: "whole"; readonly contentType: string; readonly bytes: Uint8Array }
  | { readonly kind: "stream"; readonly contentType: string; readonly pieces: AsyncIterable<Uint8Array> };

/** A call that may be made: its cost is reserved. */
export interface Admitted {
  readonly id: Id<"gwc">;
  readonly call: GatewayCall;
  readonly offer: Offer;
  readonly wish: Wish;
  /** Of one choice. */
  readonly outputTokens: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly prices: PriceList;
  readonly workspace: Workspace;
}

/** A call on its way, and where its end is told. */
export interface OnItsWay {
  readonly deps: GatewayDeps;
  readonly settler: Settler;
  readonly admitted: Admitted;
}
