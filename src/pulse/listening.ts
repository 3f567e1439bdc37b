import type { Db } from "#src/database/open.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { hasListened } from "./store/listening.ts";

/** By whose name whoever decides outside speaks. */
const DECIDES = "root";

/** Whether this workspace is for a session of an agent to decide in, and none has listened yet: then a person is told what to say to it. */
export async function wantsAgent(db: Db, { agents }: Workspace): Promise<boolean> {
  return agents.some(({ name }) => name === DECIDES) && !(await hasListened(db));
}
