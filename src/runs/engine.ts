import type { MessagePort } from "#src/acts/ports/message-port.ts";
import type { ModelPort } from "#src/acts/ports/model-port.ts";
import type { ActKind } from "#src/acts/act.ts";
import type { Performer } from "#src/acts/performer.ts";
import type { ToolBox } from "#src/acts/ports/tool-port.ts";
import type { Db, Transaction } from "#src/database/open.ts";
import type { Signer } from "#src/journal/signing.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { Parks } from "#src/leases/parks.ts";
import type { Log } from "#src/kernel/log.ts";
import type { PriceList } from "#src/ledger/prices.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { ModelTiers } from "./think/tiers.ts";
import type { LiveText } from "./live-text.ts";
import type { Procedure } from "./procedure.ts";
import type { Run } from "./run.ts";
import type { RulesThinker } from "./think/rules-thinker.ts";
import type { ThoughtKind } from "./think/thought-kind.ts";

/** Everything that moving a run needs; made once by main.ts, or by a test. */
export interface Engine {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly signer: Signer;
  readonly parks: Parks;
  readonly workspaces: WorkspaceView;
  readonly procedures: ReadonlyMap<string, Procedure>;
  readonly thoughts: ReadonlyMap<string, ThoughtKind>;
  readonly rules: RulesThinker;
  readonly performers: ReadonlyMap<ActKind, Performer>;
  /** The performer of tools uses the same. */
  readonly tools: ToolBox;
  /** By name; the performer of messages uses the same. */
  readonly surfaces: ReadonlyMap<string, MessagePort>;
  /** Undefined where no provider is set: only rules runs move. */
  readonly model: ModelPort | undefined;
  /** Where models are heard while they speak. */
  readonly live: LiveText;
  readonly tiers: (workspace: Workspace) => ModelTiers;
  readonly prices: (workspace: Workspace) => PriceList;
  /** What comes after this run: done in the transaction that ends it, to enqueue it. Undefined: nothing. */
  readonly whenEnded: (run: Run) => ((tx: Transaction) => Promise<void>) | undefined;
  /** Where this process runs; receipts name it. */
  readonly host: string;
  /** Claims without an outcome before a run is quarantined. */
  readonly maxTries: number;
}
