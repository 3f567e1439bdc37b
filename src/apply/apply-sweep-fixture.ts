import { join } from "node:path";
import { answerAsk } from "#src/asks/answer.ts";
import { openAsks } from "#src/asks/store/read.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { requirePrincipal } from "#src/people/store/principals.ts";
import { silentLog } from "#src/testing/silent-log.ts";
import { type Life, liveOnce } from "#src/testing/sweep-life.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { followRevision } from "./effect.ts";
import { followFolder } from "./follow-folder.ts";
import { holdFolder } from "./held-folder.ts";

/**
 * An operator applies a folder in which power widens, an owner approves, and returns to the first revision. Each of them says again what they said, as somebody does
 * who had no answer.
 */
export const liveApply: Life = async (db, place) => {
  const folder = join(place, "workspace");
  const workspaces = createWorkspaceView(db);
  const tookEffect = async (): Promise<void> => void (await followRevision(db, systemClock, workspaces));
  const following = followFolder({ db, clock: systemClock, log: silentLog, folder, tookEffect });
  const held = holdFolder({ db, clock: systemClock, folder, following, tookEffect });
  const [operator, owner] = [await requirePrincipal(db, "otto"), await requirePrincipal(db, "zoe")];
  await held.apply({ by: { ...operator, scopes: ["*"] }, note: "flour", yes: false });
  for (const { id: askId } of await openAsks(db)) await answerAsk(db, systemClock, { askId, person: owner, answer: "approve", face: "sweep" });
  await held.settle();
  await held.rollback({ by: { ...owner, scopes: ["*"] }, note: "back", yes: true, target: 1 });
  await tookEffect();
  following.stop();
};

if (import.meta.main) await liveOnce(liveApply);
