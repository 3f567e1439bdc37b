import { forgetExpired } from "#src/brain/lessons.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import { erasePayloads } from "#src/journal/erase.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { returnAllotment } from "#src/ledger/allot.ts";
import { learnFromResolved } from "#src/learning/learn.ts";
import { openAllotments } from "#src/ledger/store/open-allotments.ts";
import { deleteOldReplies } from "#src/people/store/idempotency.ts";
import { forgetExpiredMemories } from "#src/runs/memory/forget.ts";
import { settleQuestioned } from "#src/runs/memory/questioned.ts";
import { endedAmong } from "#src/runs/store/ended.ts";
import { sweepLive } from "#src/runs/store/live.ts";
import { cancelOrphans } from "#src/runs/command.ts";
import { threadsWithoutTurn } from "#src/runs/store/turns.ts";
import type { ModelTiers } from "#src/runs/think/tiers.ts";
import { continueThread } from "#src/runs/turns/settle.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";
import { append } from "#src/journal/store/append.ts";
import { reapClaims } from "./store/claims.ts";
import { sweepGateway } from "./gateway-leftovers.ts";
import type { Chore } from "./pulse.ts";

const KEEP_REPLIES_MS = 86_400_000;
const PAGE = 500;

export interface ChoreParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly workspaces: WorkspaceView;
  readonly tiers: (workspace: Workspace) => ModelTiers;
}

/** What is tidied up each minute, whoever left it. */
export function usualChores({ db, clock, workspaces, tiers }: ChoreParts): Chore[] {
  return [
    { name: "learn from what was resolved", run: async () => void (await learnFromResolved({ db, clock, workspaces })) },
    { name: "return the money of ended runs", run: () => returnMoney(db) },
    { name: "settle what a dead gateway left", run: () => sweepGateway(db, clock) },
    { name: "forget expired lessons", run: async () => void (await inTransaction(db, forgetExpired)) },
    { name: "delete memories whose time is over", run: async () => void (await forgetExpiredMemories(db, clock)) },
    { name: "do what people said about memories", run: () => settleQuestioned(db, clock) },
    { name: "erase expired payloads", run: async () => void (await erasePayloads(db, clock, { expired: true })) },
    { name: "forget what models said when their process died", run: async () => void (await sweepLive(db)) },
    { name: "end the parts of runs that ended", run: async () => void (await cancelOrphans(db, clock)) },
    { name: "go on with threads that wait", run: () => continueThreads({ db, clock, workspaces, tiers }) },
    { name: "free names whose holder is gone", run: () => freeClaims({ db, clock }) },
    { name: "forget old replies", run: async () => void (await deleteOldReplies(db, KEEP_REPLIES_MS)) },
  ];
}

/** A process may have died between the end of a run and the return of its slice. */
async function returnMoney(db: Db): Promise<void> {
  for (let after = ""; ;) {
    const holders = await openAllotments(db, after, PAGE);
    for (const runId of await endedAmong(db, holders)) await returnAllotment(db, runId);
    if (holders.length < PAGE) return;
    after = holders.at(-1)!;
  }
}

async function freeClaims({ db, clock }: Pick<ChoreParts, "db" | "clock">): Promise<void> {
  await inTransaction(db, async (tx) => {
    const freed = await reapClaims(tx);
    if (freed.length > 0)
      await append(
        tx,
        clock,
        freed.map((payload) => ({ kind: "claim.reaped", actor: "system", payload })),
      );
  });
}

/** After a run was cancelled, or could not be made: what waits in its thread gets its turn. */
async function continueThreads({ db, clock, workspaces, tiers }: ChoreParts): Promise<void> {
  const { revision, workspace } = await workspaces.current();
  const place = { clock, revision, workspace, tiers: tiers(workspace) };
  for (const threadId of await threadsWithoutTurn(db, PAGE)) await inTransaction(db, (tx) => continueThread(tx, place, threadId));
}
