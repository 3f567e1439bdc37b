import type { Ask } from "#src/asks/ask.ts";
import { requireAsk } from "#src/asks/store/read.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { difference } from "#src/workspace/difference.ts";
import type { FileSet } from "#src/workspace/files.ts";
import type { DefineServices } from "#src/workspace/manifest/service.ts";
import { powerDigest } from "#src/workspace/power.ts";
import { revisionFiles } from "#src/workspace/revisions.ts";
import { selectBlobs } from "#src/workspace/store/blobs.ts";
import { record } from "./apply.ts";
import type { ApplyRequest } from "./request.ts";
import { planFiles, planFolder, type Planned } from "./sides.ts";
import { selectDecided, settleRequest } from "./store/requests.ts";

export interface SettlePlace {
  readonly db: Db;
  readonly clock: Clock;
  readonly folder: string;
  readonly define?: DefineServices | undefined;
}

/**
 * Does what was approved, and lets go of what was not. Level-triggered: it looks for requests whose ask is settled, from whatever face, so a crash in between loses
 * nothing. Gives how many came into force.
 */
export async function settleRequests(place: SettlePlace): Promise<number> {
  let applied = 0;
  for (const request of await selectDecided(place.db)) if (await settleOne(place, request)) applied += 1;
  return applied;
}

async function settleOne(place: SettlePlace, request: ApplyRequest): Promise<boolean> {
  const ask = await requireAsk(place.db, request.askId!);
  if (ask.answer !== "approve") {
    await letGo(place, request, {
      to: "denied",
      reason: ask.state === "answered" ? `${ask.settledBy ?? "somebody"} denied it` : `nobody approved it: the ask is ${ask.state}`,
    });
    return false;
  }
  const checked = await stillTheSame(place, request);
  failpoint("apply.checked");
  if (typeof checked === "string") {
    await letGo(place, request, { to: "refused", reason: checked });
    return false;
  }
  return applyApproved(place, { request, ask, planned: checked });
}

/** What was approved, as it is now; or why it is another thing by now. */
async function stillTheSame({ db, folder, define }: SettlePlace, request: ApplyRequest): Promise<Planned | string> {
  const planned = request.target === null ? await planFolder(db, { folder, define }) : await planFiles(db, await revisionFiles(db, request.target));
  if (planned.kind === "problems") return `the folder has ${planned.problems.length} problems now, the first in ${planned.problems[0]!.file}`;
  if (planned.digest !== request.digest) return `the folder changed since it was shown: ${changesSince(await shownFiles(db, request), planned.files)}`;
  if (powerDigest(planned.inForce) !== request.base) return "what is in force changed since it was shown, so the difference is another one";
  return planned;
}

async function shownFiles(db: Db, { files }: ApplyRequest): Promise<FileSet> {
  const contents = await selectBlobs(db, [...new Set(Object.values(files))]);
  return new Map(Object.entries(files).flatMap(([path, digest]) => (contents.has(digest) ? [[path, contents.get(digest)!] as const] : [])));
}

const SHOWN = 10;

function changesSince(shown: FileSet, now: FileSet): string {
  const { power, live } = difference(shown, now);
  const words = [...power, ...live].map((change) => change.words);
  const rest = words.length - SHOWN;
  if (words.length === 0) return "only in layout or comments";
  return `${words.slice(0, SHOWN).join("; ")}${rest > 0 ? `; and ${rest} more` : ""}`;
}

/** Somebody else's revision came in between, or somebody else settled it. */
class Lost extends Error {}

async function applyApproved({ db, clock }: SettlePlace, { request, ask, planned }: { request: ApplyRequest; ask: Ask; planned: Planned }): Promise<boolean> {
  const approval = { how: "ask" as const, by: ask.settledBy ?? "somebody", ask: ask.id };
  try {
    await inTransaction(db, async (tx) => {
      const revision = planned.isNew ? await record(tx, clock, { planned, author: request.author, note: request.note, approval }) : planned.revision;
      if (revision === undefined || !(await settleRequest(tx, { id: request.id, to: "applied", revision, reason: null }))) throw new Lost();
      failpoint("apply.settled");
    });
  } catch (error) {
    if (error instanceof Lost) return false; // the next look finds it, or finds it done
    throw error;
  }
  failpoint("apply.committed");
  return planned.isNew;
}

async function letGo(
  { db, clock }: SettlePlace,
  { id, askId, digest }: ApplyRequest,
  { to, reason }: { to: "refused" | "denied"; reason: string },
): Promise<void> {
  await inTransaction(db, async (tx) => {
    if (!(await settleRequest(tx, { id, to, revision: null, reason }))) return;
    failpoint("apply.let_go");
    await append(tx, clock, [{ kind: `apply.${to}`, actor: "system", payload: { request: id, ask: askId, digest, reason } }]);
  });
}
