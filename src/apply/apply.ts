import { openAsk } from "#src/asks/store/open.ts";
import { type Db, inTransaction, type Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { digestOf } from "#src/kernel/canonical-json.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { type AskId, newId, type PrincipalId } from "#src/kernel/ids.ts";
import { type Bearer, may } from "#src/people/permission.ts";
import { powerDigest } from "#src/workspace/power.ts";
import { digestsOf, recordRevision } from "#src/workspace/revisions.ts";
import { insertBlobs } from "#src/workspace/store/blobs.ts";
import { isMachine } from "#src/people/role.ts";
import type { Plan } from "./plan/plan.ts";
import type { ApplyRequestId } from "./request.ts";
import type { Planned, Problems } from "./sides.ts";
import { insertRequest, selectOpen } from "./store/requests.ts";

export interface Applier extends Bearer {
  readonly id: PrincipalId;
  readonly handle: string;
}

export interface ApplyWish {
  readonly by: Applier;
  readonly note: string;
  /** Said by somebody who saw the plan: power may widen. */
  readonly yes: boolean;
  /** Of the files that were seen; others are refused. */
  readonly digest?: string | undefined;
  /** The revision that is returned to. */
  readonly target?: number | undefined;
  /** Called in the transaction that makes the revision. */
  readonly keep?: (tx: Transaction, outcome: ApplyOutcome) => Promise<void>;
}

/** unconfirmed: power would widen, and whoever may let it has not said so. asked: it would widen, and an owner or admin is asked. */
export type ApplyOutcome =
  | Problems
  | { readonly kind: "applied"; readonly revision: number; readonly isNew: boolean; readonly plan: Plan; readonly requestId?: ApplyRequestId }
  | { readonly kind: "unconfirmed"; readonly digest: string; readonly plan: Plan }
  | { readonly kind: "asked"; readonly askId: AskId; readonly digest: string; readonly plan: Plan };

const TRIES = 8;

/**
 * Puts what `plan` gives in force, all or nothing. Whether power widens decides who may: an owner or admin who says so, or else an ask to them, bound to these very
 * files. @throws LoopError permission_missing | apply_stale | workspace_moving | workspace_invalid
 */
export async function applyPlanned(place: { db: Db; clock: Clock; plan: () => Promise<Problems | Planned> }, wish: ApplyWish): Promise<ApplyOutcome> {
  requireNoMachine(wish.by);
  for (let count = 1; count <= TRIES; count += 1) {
    const planned = await place.plan();
    if (planned.kind === "problems") return planned;
    if (wish.digest !== undefined && wish.digest !== planned.digest) throw stale("The folder is no longer what the plan showed");
    const { plan, digest } = planned;
    if (!planned.isNew) return { kind: "applied", revision: planned.revision, isNew: false, plan };
    if (plan.widens && !may(wish.by, "workspace:apply")) return { kind: "asked", askId: await ask(place, planned, wish), digest, plan };
    if (plan.widens && !wish.yes) return { kind: "unconfirmed", digest, plan };
    const done = await inTransaction(place.db, async (tx) => {
      const made = await applyByRole(tx, place.clock, { planned, wish });
      if (made === undefined) return undefined;
      const outcome = { kind: "applied", ...made, isNew: true, plan } as const;
      await wish.keep?.(tx, outcome);
      return outcome;
    });
    failpoint("apply.committed");
    if (done) return done;
  }
  throw new LoopError("workspace_moving", `The workspace was revised ${TRIES} times while this was being applied. Try again when the others are done.`);
}

/** What works may not say what it may do. */
function requireNoMachine({ roles, handle }: Applier): void {
  if (!isMachine(roles)) return;
  throw new LoopError(
    "permission_missing",
    `${handle} may not apply changes to the workspace: no agent decides on its own power. Roles: ${roles.join(", ")}.`,
    {
      facts: { handle },
    },
  );
}

const stale = (why: string): LoopError => new LoopError("apply_stale", `${why}. Nothing was applied. Look at it with \`loop plan\`, and apply again.`);

async function applyByRole(tx: Transaction, clock: Clock, { planned, wish }: { planned: Planned; wish: ApplyWish }) {
  const revision = await record(tx, clock, { planned, author: wish.by.id, note: wish.note, approval: { how: "role", by: wish.by.handle } });
  if (revision === undefined || wish.target === undefined) return revision === undefined ? undefined : { revision };
  const requestId = newId("apl", clock.nowMs());
  await insertRequest(tx, { ...rowOf(planned, wish), id: requestId, state: "applied", askId: null, revision });
  return { revision, requestId };
}

export interface Recording {
  readonly planned: Planned;
  readonly author: string;
  readonly note: string;
  /** By what right power widened, where it did. */
  readonly approval: { readonly how: "role" | "ask"; readonly by: string; readonly ask?: AskId };
}

const WORDS_KEPT = 200;

/** Undefined: somebody else's revision came in between, and nothing was recorded. */
export async function record(tx: Transaction, clock: Clock, { planned, author, note, approval }: Recording): Promise<number | undefined> {
  const { plan, files, revision: base } = planned;
  const recorded = await recordRevision(tx, clock, { kind: "apply", author, note, files, base });
  failpoint("apply.recorded");
  if (recorded.kind === "moved") return undefined;
  const { number, digest } = recorded.revision;
  const power = plan.power.slice(0, WORDS_KEPT).map(({ effect, file, words }) => ({ effect, file, words }));
  const payload = {
    revision: number,
    digest,
    widens: plan.widens,
    power,
    more: plan.power.length - power.length,
    approval: plan.widens ? { ...approval } : null,
  };
  await append(tx, clock, [{ kind: "workspace.applied", actor: author, payload }]);
  failpoint("apply.journaled");
  return number;
}

const DAY_MS = 86_400_000;

/** Asks an owner or admin. Asking again for the same files gives the ask that there is. */
async function ask({ db, clock }: { db: Db; clock: Clock }, planned: Planned, wish: ApplyWish): Promise<AskId> {
  return inTransaction(db, async (tx) => {
    const before = await selectOpen(tx, planned.digest, wish.by.id);
    if (before?.askId) return before.askId;
    await insertBlobs(tx, planned.files);
    failpoint("apply.blobs_kept");
    const askId = newId("ask", clock.nowMs());
    const row = rowOf(planned, wish);
    await openAsk(tx, askFor(askId, planned, wish));
    failpoint("apply.asked");
    const id = newId("apl", clock.nowMs());
    if (!(await insertRequest(tx, { ...row, id, state: "open", askId }))) throw stale("The same was asked for at this very moment");
    failpoint("apply.requested");
    await append(tx, clock, [
      { kind: "apply.requested", actor: wish.by.id, payload: { request: id, ask: askId, digest: planned.digest, by: wish.by.handle, target: row.target } },
    ]);
    return askId;
  });
}

const rowOf = ({ digest, files, inForce }: Planned, { by, note, target }: ApplyWish) => ({
  digest,
  base: powerDigest(inForce),
  files: digestsOf(files),
  target: target ?? null,
  author: by.id,
  note,
});

function askFor(id: AskId, { plan, digest, revision, inForce }: Planned, { by, note, target }: ApplyWish) {
  const power = plan.power.slice(0, WORDS_KEPT).map(({ effect, file, words }) => ({ effect, file, words }));
  const rest = plan.power.length - power.length;
  const text = [...power.map(({ effect, words }) => `${MARK[effect]} ${words}`), ...(rest > 0 ? [`and ${rest} more: loop plan`] : [])].join("\n");
  const what = target === undefined ? "apply the folder of the workspace" : `return to revision ${target}`;
  return {
    id,
    kind: "approval" as const,
    purpose: "apply",
    runId: null,
    actId: null,
    ticketId: null,
    prompt: `${by.handle} wants to ${what}, and power would widen.${note === "" ? "" : ` ${note}`}`,
    detail: { text, power, digest, by: by.handle, note, live: plan.live.length },
    options: ["approve", "deny"],
    approvers: { roles: ["owner", "admin"] as const, names: [] },
    quorum: 1,
    binding: digestOf({ files: digest, base: powerDigest(inForce) }),
    rule: null,
    expiry: [
      { afterMs: DAY_MS, do: "remind" as const },
      { afterMs: 7 * DAY_MS, do: "fail" as const },
    ],
    revision,
  };
}

/** Before a sentence about power. */
const MARK = { wider: "+", narrower: "-", same: "·" } as const;
