import type { Ask } from "#src/asks/ask.ts";
import { requireAsk } from "#src/asks/store/read.ts";
import { inTransaction, isConnectionLoss, type Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { AskId } from "#src/kernel/ids.ts";
import { listPrincipals } from "#src/people/store/principals.ts";
import type { Workspace } from "#src/workspace/model.ts";
import {
  asksToCopy,
  type AskToCopy,
  closeCopies,
  copiesOf,
  deleteCopies,
  insertCopies,
  type LockedAsk,
  lockAskToCopy,
  markCopied,
  markUncopied,
} from "../store/copies.ts";
import type { DeliverParts } from "./deliverer.ts";
import { copyEvent } from "./copy-event.ts";
import { planCopies, recipientsOf } from "./recipients.ts";

/** Brings the copies of all asks up to what the asks and the workspace in force say. Sends nothing. Safe to call from many processes at once. Gives how many asks it saw to. */
export async function planDueCopies(parts: DeliverParts): Promise<number> {
  const current = await parts.workspaces.current();
  const due = await asksToCopy(parts.db, current.revision, FULL_ROUND);
  if (due.length === 0) return 0;
  const idle = await withoutCopies(parts, due, current);
  for (const { id } of due.filter((ask) => !idle.has(ask.id))) {
    await planAsk(parts, id, current).catch((error: unknown) => {
      if (isConnectionLoss(error)) throw error;
      parts.log.error("something broke while the copies of an ask were planned; the others go on", { ask: id, error });
    });
  }
  return due.length;
}

/** Most asks of a workspace whose people have no contact need nothing: those are seen to together. Gives their ids. */
async function withoutCopies({ db }: DeliverParts, due: readonly AskToCopy[], { revision, workspace }: Current): Promise<Set<AskId>> {
  const people = await listPrincipals(db);
  const idle = due.filter((ask) => !ask.hasCopies && (!ask.isOpen || recipientsOf(ask, people, workspace.team).length === 0));
  const idsOf = (isOpen: boolean): AskId[] => idle.filter((ask) => ask.isOpen === isOpen).map(({ id }) => id);
  if (idle.length > 0) await markUncopied(db, { open: idsOf(true), closed: idsOf(false), revision });
  return new Set(idle.map(({ id }) => id));
}

/** Asks, open and closed ones each, that one round sees to. */
export const FULL_ROUND = 500;

type Current = { readonly revision: number; readonly workspace: Workspace };

async function planAsk({ db, clock, surfaces }: DeliverParts, askId: AskId, { revision, workspace }: Current): Promise<void> {
  await inTransaction(db, async (tx) => {
    const locked = await lockAskToCopy(tx, askId, revision);
    if (!locked) return;
    failpoint("deliver.locked");
    const ask = await requireAsk(tx, askId);
    if (ask.state === "open") await planOpen({ tx, ask, clock, locked, team: workspace.team, connected: new Set(surfaces.keys()) });
    else await closeCopies(tx, askId);
    failpoint("deliver.planned");
    await markCopied(tx, askId, { revision, step: locked.step });
  });
  failpoint("deliver.plan_committed");
}

interface Planning {
  readonly tx: Transaction;
  readonly ask: Ask;
  readonly clock: Clock;
  readonly locked: LockedAsk;
  readonly team: Workspace["team"];
  readonly connected: ReadonlySet<string>;
}

async function planOpen({ tx, ask, clock, locked, team, connected }: Planning): Promise<void> {
  const recipients = recipientsOf(ask, await listPrincipals(tx), team);
  const { gone, added } = planCopies({ ask, ...locked, recipients, copies: await copiesOf(tx, ask.id), connected, nowMs: clock.nowMs() });
  if (gone.length > 0) await deleteCopies(tx, gone);
  failpoint("deliver.taken_back");
  if (added.length > 0) await insertCopies(tx, added);
  const unsendable = added.flatMap((copy) => {
    const handle = recipients.find(({ person }) => person.id === copy.principalId)!.person.handle;
    return copy.error === null
      ? []
      : [copyEvent("ask.delivery_failed", { ask, copy: { ...copy, handle } }, { code: copy.error.code, why: copy.error.message })];
  });
  if (unsendable.length > 0) await append(tx, clock, unsendable);
}
