import type { Db } from "#src/database/open.ts";
import { batched } from "#src/kernel/batched.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { parseWorkspace } from "./load.ts";
import type { Workspace } from "./model.ts";
import { problemsText } from "./problem.ts";
import { currentRevision, requireRevision, revisionFiles } from "./revisions.ts";
import type { Revision } from "./store/revisions.ts";

/** The workspace out of the record, as every process sees it. Equal digests give the same object, so that what is derived from it can be kept by it. */
export interface WorkspaceView {
  /** What is in force. One indexed query while nothing changed. @throws LoopError revision_unknown before the first apply | workspace_invalid */
  current(): Promise<{ readonly revision: number; readonly workspace: Workspace }>;
  /** The revision that a run is pinned to. No query for one seen lately. @throws LoopError revision_unknown | workspace_invalid */
  at(revision: number): Promise<Workspace>;
}

export interface SeeingView extends WorkspaceView {
  /** The workspace that `current` gave last in this process; undefined before the first time. For what is done right after somebody asked. */
  seen(): Workspace | undefined;
}

const KEPT_WORKSPACES = 8;
const KEPT_NUMBERS = 1_000;

export function createWorkspaceView(db: Db): SeeingView {
  const byDigest = new Map<string, Promise<Workspace>>();
  const digests = new Map<number, string>();
  const look = batched<null, Revision | null>(
    async (askers) => {
      const revision = await currentRevision(db);
      return askers.map(() => revision); // it was read after each of them had asked
    },
    { most: Number.POSITIVE_INFINITY },
  );
  let seen: { readonly revision: number; readonly workspace: Workspace } | undefined;

  const load = ({ number, digest }: Pick<Revision, "number" | "digest">): Promise<Workspace> => {
    keep(digests, number, { value: digest, most: KEPT_NUMBERS });
    const loading = byDigest.get(digest) ?? parseRevision(db, number);
    keep(byDigest, digest, { value: loading, most: KEPT_WORKSPACES });
    loading.catch(() => byDigest.delete(digest)); // the next call tries again; this one's caller gets the error
    return loading;
  };

  return {
    seen: () => seen?.workspace,
    async current() {
      const revision = await look(null);
      if (revision === null) throw new LoopError("revision_unknown", "No workspace is in force yet. Put one in force with `loop apply`.");
      const current = { revision: revision.number, workspace: await load(revision) };
      if (seen === undefined || seen.revision <= current.revision) seen = current;
      return current;
    },
    async at(number) {
      const digest = digests.get(number);
      return load(digest === undefined ? await requireRevision(db, number) : { number, digest });
    },
  };
}

/** Puts a pair at the young end and lets the oldest go. */
function keep<K, V>(map: Map<K, V>, key: K, { value, most }: { value: V; most: number }): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value!);
}

async function parseRevision(db: Db, number: number): Promise<Workspace> {
  const parsed = parseWorkspace(await revisionFiles(db, number));
  if (parsed.kind === "ok") return parsed.workspace;
  throw new LoopError(
    "workspace_invalid",
    `Revision ${number} in the record is not sound for this version of Loopwright. Put the folder right and apply it. ${problemsText(parsed.problems)}`,
    {
      facts: { revision: number, problems: parsed.problems.length },
    },
  );
}
