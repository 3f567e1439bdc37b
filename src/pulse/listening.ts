import type { Db } from "#src/database/open.ts";
import { JUDGE_AGENT } from "#src/workspace/manifest/workspace.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { hasListened } from "./store/listening.ts";

/** Whether this workspace is for a session of an agent to decide in, and none has listened yet: then a person is told what to say to it. */
export async function wantsAgent(db: Db, { agents, manifest }: Workspace): Promise<boolean> {
  return manifest.judge === "outside" && agents.some(({ name }) => name === JUDGE_AGENT) && !(await hasListened(db));
}
