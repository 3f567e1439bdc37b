import { systemClock } from "#src/kernel/clock.ts";
import { learnFromResolved } from "#src/learning/learn.ts";
import { INES } from "#src/learning/learning-fixture.ts";
import { type Life, liveOnce } from "#src/testing/sweep-life.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { followRevision } from "./effect.ts";
import { folderWriter, writeAccepted } from "./folder-files.ts";
import { acceptProposal, listProposals } from "./proposals.ts";

/** What a server does by and by, in one go: learns, takes what was proposed, and brings brain and folder up to it. */
export const liveLearning: Life = async (db, folder) => {
  const deps = { db, clock: systemClock, workspaces: createWorkspaceView(db), writeFiles: folderWriter(folder) };
  await learnFromResolved(deps);
  for (const { id } of await listProposals(db, { states: ["open"], limit: 10 })) await acceptProposal(deps, { id, by: INES });
  await followRevision(db, deps.clock, deps.workspaces);
  await writeAccepted(db, deps.writeFiles);
};

if (import.meta.main) await liveOnce(liveLearning);
