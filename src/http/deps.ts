import type { ToolBox } from "#src/acts/ports/tool-port.ts";
import type { ToolLogin } from "#src/acts/ports/tool-source.ts";
import type { WorkerPort } from "#src/acts/ports/worker-port.ts";
import type { HeldFolder } from "#src/apply/held-folder.ts";
import type { BrainQuery, Recall } from "#src/brain/retrieve.ts";
import type { Change } from "#src/database/notify.ts";
import type { Db } from "#src/database/open.ts";
import type { Gateway } from "#src/gateway/gateway.ts";
import type { InboundMessage } from "#src/intake/read-message.ts";
import type { InboundTurn, ReceivedTurn } from "#src/intake/receive-turn.ts";
import type { Received } from "#src/intake/receive.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { Log } from "#src/kernel/log.ts";
import type { Seat } from "#src/runs/seats.ts";
import type { RunWatch } from "#src/runs/watch.ts";
import type { ModelTiers } from "#src/runs/think/tiers.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";
import type { Workspace } from "#src/workspace/model.ts";

export interface Health {
  /** False: this process should get no requests. */
  readonly ok: boolean;
  /** One sentence without secrets, for whoever asks: what does not work, such as "the disk is nearly full: no new work is taken". */
  readonly degraded?: string;
  /** For callers with a token: what was looked at, and how each is. */
  readonly parts?: Readonly<Record<string, string>>;
}

export interface HttpLimits {
  /** Requests a minute, of one token on one route. */
  readonly readsPerMinute: number;
  readonly writesPerMinute: number;
  /** How long `?wait=true` waits for the triage of a ticket. */
  readonly waitMs: number;
  readonly waitPollMs: number;
  /** How long a verb of a ticket waits for the question that it answers, while nothing of the ticket waits for anybody: its run is moving. */
  readonly settleMs: number;
  /** How often the journal is looked at while somebody follows the feed. */
  readonly feedPollMs: number;
  /** How often the tokens of open feeds are looked at. */
  readonly feedCheckMs: number;
  readonly feedBeatMs: number;
  /** A reader that takes nothing for so long is dropped. */
  readonly feedStallMs: number;
}

export const USUAL_LIMITS: HttpLimits = {
  readsPerMinute: 12_000,
  writesPerMinute: 3_000,
  waitMs: 30_000,
  waitPollMs: 100,
  settleMs: 3_000,
  feedPollMs: 100,
  feedCheckMs: 2_000,
  feedBeatMs: 15_000,
  feedStallMs: 10_000,
};

/** Where this server may be reached: names in Host and Origin are held against it. */
export interface HttpAddress {
  /** `LOOP_HOST`. */
  readonly host: string;
  /** `LOOP_PUBLIC_URL`: scheme, host and port. */
  readonly publicUrl?: string | undefined;
  /** `LOOP_TRUSTED_PROXIES`: whose word on the address of a caller is taken. */
  readonly trustedProxies: readonly string[];
}

/** Everything that the HTTP face needs; made by main.ts, or by a test. */
export interface HttpDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  readonly address: HttpAddress;
  readonly workspaces: WorkspaceView;
  /** Which models there are in this workspace; what a retried run thinks with. */
  readonly tiers: (workspace: Workspace) => ModelTiers;
  /** `receiveText` of intake/. @throws LoopError input_invalid | delivery_conflict | agent_unknown | storage_full */
  readonly receive: (message: InboundMessage) => Promise<Received>;
  /** `receiveTurn` of intake/. @throws LoopError delivery_conflict | agent_unknown | model_missing | storage_full */
  readonly receiveTurn: (turn: InboundTurn) => Promise<ReceivedTurn>;
  /** A place for a run that is made by a request, where runs move in this process. */
  readonly seat?: () => Seat | undefined;
  /** Says when a run rests; left out: it is looked at again and again. */
  readonly watch?: RunWatch;
  /** The tools of this process. */
  readonly tools: ToolBox;
  /** Absent: nobody logs in to tool servers from here. */
  readonly toolLogin?: ToolLogin;
  /** `retrieve` of brain/, with the embedder where there is one. */
  readonly recall: (query: BrainQuery) => Promise<Recall>;
  /** Cheap: it is asked without a credential. */
  readonly health: () => Promise<Health>;
  /** Absent where another process holds the folder. */
  readonly folder?: Omit<HeldFolder, "settle">;
  /** The path of that folder. */
  readonly dataDir?: string;
  /** Where the folder of the workspace is pushed to, if this process holds it and it is in git. */
  readonly gitRemote?: () => Promise<{ readonly host: string; readonly repo: string } | undefined>;
  /** Workers of this host; left out: none can be started or looked at here. */
  readonly workers?: WorkerPort;
  /** Calls back when something may have changed, here or in another process. Gives the way to stop. */
  readonly onChange?: (look: () => void, what?: Change) => () => void;
  /** Called after each request that may have changed something was committed: a hint to look for due runs. */
  readonly changed?: (what?: Change) => void;
  readonly limits?: Partial<HttpLimits>;
  /** Models for other clients; it answers where the workspace in force has a `gateway`. */
  readonly gateway?: Gateway;
}
