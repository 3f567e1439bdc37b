import type { Db } from "#src/database/open.ts";
import type { ActId, RunId } from "#src/kernel/ids.ts";
import { attemptOf } from "./live-text.ts";
import { isMoving, readLive } from "./store/live.ts";

/** Something for one who watches. `begins`: what was shown of this act before, if anything, was said by an attempt that is lost. `ends`: its outcome is on record. */
export type LiveNews =
  | { readonly kind: "text"; readonly actId: ActId; readonly text: string; readonly begins: boolean }
  | { readonly kind: "ends"; readonly actId: ActId };

/** What one watcher has seen: of each act, the last piece. */
export type LiveSeen = Map<ActId, number>;

/** What came since, and whether there will be more: not once the run is parked or has ended. `seen` is brought up to date. */
export async function liveSince(
  db: Db,
  runId: RunId,
  seen: LiveSeen,
): Promise<{ readonly news: LiveNews[]; readonly moving: boolean; readonly state: string }> {
  const { state, moving } = await isMoving(db, runId); // first: whatever was said before it parked is read after it
  const pieces = await readLive(db, runId, seen);
  const news: LiveNews[] = [];
  for (const [actId, group] of Map.groupBy(pieces, (piece) => piece.actId)) {
    const last = seen.get(actId);
    const attempt = attemptOf(group.at(-1)!.seq);
    const fresh = group.filter(({ seq }) => attemptOf(seq) === attempt && seq !== last);
    const begins = last === undefined || attemptOf(last) !== attempt;
    if (fresh.length > 0) news.push({ kind: "text", actId, text: fresh.map(({ text }) => text).join(""), begins });
    seen.set(actId, group.at(-1)!.seq);
  }
  for (const actId of seen.keys()) {
    if (pieces.some((piece) => piece.actId === actId)) continue;
    seen.delete(actId);
    news.push({ kind: "ends", actId });
  }
  return { news, moving, state };
}
