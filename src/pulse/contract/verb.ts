import type { z } from "zod";
import type { ToolBox } from "#src/acts/ports/tool-port.ts";
import type { WorkerPort } from "#src/acts/ports/worker-port.ts";
import type { HeldFolder } from "#src/apply/held-folder.ts";
import type { Change } from "#src/database/notify.ts";
import type { Db } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { Log } from "#src/kernel/log.ts";
import type { Permission } from "#src/people/permission.ts";
import type { Caller } from "#src/people/principal.ts";
import type { ModelTiers } from "#src/runs/think/tiers.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";
import type { Workspace } from "#src/workspace/model.ts";

/** What the verbs work on; made by main.ts, or by a test. */
export interface LoopDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly workspaces: WorkspaceView;
  readonly tiers: (workspace: Workspace) => ModelTiers;
  readonly tools: ToolBox;
  /** Absent where another process holds the folder of the workspace: what writes to it is refused here. */
  readonly folder?: Omit<HeldFolder, "settle">;
  /** The path of the folder of the workspace, where this process holds it. */
  readonly dataDir?: string;
  /** Workers of this host; absent: none can be started or looked at here. */
  readonly workers?: WorkerPort;
  /** Says that something was committed; `work`: a run may have become due. */
  readonly changed?: (what?: Change) => void;
  /** Calls back when something may have changed, here or in another process; a hint that may be lost. Gives the way to stop. Absent: look again each second. */
  readonly onChange?: (look: () => void, what?: Change) => () => void;
}

/** Who speaks, and until when it listens. */
export interface Speaker {
  readonly caller: Caller;
  /** Ends a wait: the connection is gone, or the server stops. */
  readonly signal: AbortSignal;
}

/**
 * One verb of the contract between Loopwright and whoever decides or works: an agent session outside, the judge inside, a worker. The faces (command line,
 * HTTP, MCP) are thin: they read words into `input`, and print `output`.
 */
export interface LoopVerb<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  /** As it is typed after `loop _`: `claim`, `goal write`. */
  readonly name: string;
  readonly summary: string;
  readonly access: Permission;
  /** It changes nothing: a GET, whose input is read from the query. */
  readonly reads: boolean;
  readonly input: Input;
  readonly output: Output;
  /** @throws LoopError for what is refused */
  perform(deps: LoopDeps, speaker: Speaker, input: z.infer<Input>): Promise<z.infer<Output>>;
}

/** Keeps the types of `input` and `output` together. */
export const loopVerb = <Input extends z.ZodType, Output extends z.ZodType>(verb: LoopVerb<Input, Output>): LoopVerb<Input, Output> => verb;
