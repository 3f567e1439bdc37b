import type { Db } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { Log } from "#src/kernel/log.ts";
import type { DefineServices } from "#src/workspace/manifest/service.ts";
import type { Taken, TakenLive } from "#src/workspace/taking.ts";
import { applyPlanned, type ApplyOutcome, type ApplyWish } from "./apply.ts";
import { type FileWriter, folderWriter, writeAccepted } from "./folder-files.ts";
import { type LiveChange, writeLiveFiles } from "./live-files.ts";
import type { Following } from "./follow-folder.ts";
import { writeReturned } from "./return-files.ts";
import { planFolder, type Planned, planReturn, type Problems } from "./sides.ts";
import { settleRequests } from "./settle-requests.ts";

/** The folder of the workspace, in the one process that holds it. */
export interface HeldFolder {
  /** What the last look found. */
  last(): Taken | undefined;
  /** What would come into force by an apply. */
  plan(): Promise<Problems | Planned>;
  /** Puts the folder in force, power too, and makes the record follow. */
  apply(wish: ApplyWish): Promise<ApplyOutcome>;
  /** Puts the files of an older revision in force, as a new one; the folder gets them too. @throws LoopError revision_unknown */
  rollback(wish: ApplyWish & { readonly target: number }): Promise<ApplyOutcome>;
  /** Does what was approved since. Called when something changed, and from time to time. */
  settle(): Promise<void>;
  /**
   * Writes direction or knowledge into the folder and takes it at once, as a revision of this author. What is power is refused.
   * @throws LoopError workspace_invalid | input_invalid
   */
  writeLive(change: LiveChange, author: string): Promise<TakenLive>;
  readonly writeFiles: FileWriter;
}

export interface HeldFolderParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly folder: string;
  readonly following: Following;
  /** Runs the code of services/; left out: its services are not looked for. */
  readonly define?: DefineServices;
  /** Makes the record follow the revision in force. */
  readonly tookEffect: () => Promise<void>;
}

export function holdFolder({ db, clock, folder, following, define, tookEffect }: HeldFolderParts): HeldFolder {
  const writeFiles = folderWriter(folder);
  const plan = () => planFolder(db, { folder, define });
  const caughtUp = async (): Promise<void> => {
    await writeAccepted(db, writeFiles);
    await writeReturned(db, folder);
  };
  const inEffect = async (outcome: ApplyOutcome): Promise<ApplyOutcome> => {
    if (outcome.kind === "applied") {
      await tookEffect();
      await following.look();
    }
    return outcome;
  };
  return {
    last: following.last,
    writeFiles,
    plan,
    async apply(wish) {
      const applied = await following.alone(async () => {
        await caughtUp();
        return applyPlanned({ db, clock, plan }, wish);
      });
      return inEffect(applied);
    },
    async rollback(wish) {
      const returned = await following.alone(async () => {
        await caughtUp();
        const outcome = await applyPlanned({ db, clock, plan: () => planReturn(db, wish.target) }, wish);
        await writeReturned(db, folder);
        return outcome;
      });
      return inEffect(returned);
    },
    async settle() {
      const applied = await following.alone(async () => {
        const count = await settleRequests({ db, clock, folder, define });
        if (count > 0) await writeReturned(db, folder);
        return count;
      });
      if (applied === 0) return;
      await tookEffect();
      await following.look();
    },
    writeLive: liveWriter({ db, clock, folder, following, tookEffect }),
  };
}

const liveWriter =
  ({ following, tookEffect, ...at }: HeldFolderParts): HeldFolder["writeLive"] =>
  async (change, author) => {
    const taken = await following.alone(() => writeLiveFiles(at, change, author));
    if (taken.live.length > 0) await tookEffect();
    return taken;
  };

const LOOK_EVERY_MS = 5_000;

/** Settles when something changed, and each five seconds in case nobody said so. Gives the way to stop. */
export function keepSettling(
  held: Pick<HeldFolder, "settle">,
  { onChange, log }: { onChange: (look: () => void) => () => void; log: Log },
): () => Promise<void> {
  let running: Promise<void> | undefined;
  let again = false;
  const settle = (): void => {
    again = running !== undefined;
    running ??= held
      .settle()
      .catch((error: unknown) => log.warn("an approved change of the workspace could not be applied; it is tried again", { error }))
      .finally(() => {
        running = undefined;
        if (again) settle();
      });
  };
  const quiet = onChange(settle);
  const timer = setInterval(settle, LOOK_EVERY_MS);
  timer.unref();
  return async () => {
    quiet();
    clearInterval(timer);
    again = false;
    await running;
  };
}
