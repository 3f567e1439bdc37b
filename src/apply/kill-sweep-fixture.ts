import { openDatabase } from "#src/database/open.ts";
import { systemClock } from "#src/kernel/clock.ts";
import { learnFromResolved } from "#src/learning/learn.ts";
import { INES } from "#src/learning/learning-fixture.ts";
import { createWorkspaceView } from "#src/workspace/current.ts";
import { followRevision } from "./effect.ts";
import { folderWriter, writeAccepted } from "./folder-files.ts";
import { acceptProposal, listProposals, type ProposalDeps } from "./proposals.ts";

/** What a server does by and by, in one go: learns, takes what was proposed, and brings brain and folder up to it. */
export async function learnAndAccept(deps: ProposalDeps): Promise<void> {
  await learnFromResolved(deps);
  for (const { id } of await listProposals(deps.db, { states: ["open"], limit: 10 })) await acceptProposal(deps, { id, by: INES });
  await followRevision(deps.db, deps.clock, deps.workspaces);
  await writeAccepted(deps.db, deps.writeFiles!);
}

/* As a program: one process of the sweep. */
if (import.meta.main) {
  const [url, folder] = process.argv.slice(2) as [string, string];
  const { db, close } = openDatabase({ url, poolSize: 2, prepare: true, transactionTimeoutMs: 30_000, onIdleError: () => undefined });
  await learnAndAccept({ db, clock: systemClock, workspaces: createWorkspaceView(db), writeFiles: folderWriter(folder) });
  await close();
}
