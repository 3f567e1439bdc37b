import { lookAgainAtOpenAsks } from "#src/asks/store/people-changed.ts";
import { reindex } from "#src/brain/reindex.ts";
import { shortenMemories } from "#src/brain/store/memories.ts";
import { itemsOf } from "#src/brain/workspace-items.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { refreshAllotments } from "#src/ledger/store/open-allotments.ts";
import { setLanes } from "#src/leases/store/lanes.ts";
import { syncTeam } from "#src/people/team.ts";
import { lanesOf } from "#src/runs/lanes.ts";
import { lockFollowing } from "./store/lock-following.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";

/**
 * Makes the record follow the revision in force: people and roles, the brain, how long memories stay, the bounds on what moves at once. Level-triggered: it compares and changes what differs, so it is
 * called at every start and after every revision, by any process. @throws LoopError handle_taken | identity_taken
 */
export async function followRevision(db: Db, clock: Clock, workspaces: WorkspaceView): Promise<number> {
  const { revision, workspace } = await workspaces.current();
  await inTransaction(db, async (tx) => {
    await lockFollowing(tx);
    const people = await syncTeam(tx, clock, workspace.team);
    failpoint("follow.people");
    await reindex(tx, itemsOf(workspace));
    failpoint("follow.brain");
    await shortenMemories(
      tx,
      workspace.agents.flatMap(({ name, memory }) => (memory ? [{ agent: name, retentionMs: memory.retention }] : [])),
    );
    failpoint("follow.memories");
    await refreshAllotments(tx); // a lowered cap counts from the next call on
    failpoint("follow.allotments");
    await setLanes(tx, lanesOf(workspace));
    failpoint("follow.lanes");
    if ([people.created, people.changed, people.disabled].some((handles) => handles.length > 0)) await lookAgainAtOpenAsks(tx);
  });
  failpoint("follow.committed");
  return revision;
}
