import { type Ask, mayAnswer } from "#src/asks/ask.ts";
import { type AskId, newId } from "#src/kernel/ids.ts";
import { may } from "#src/people/permission.ts";
import type { Principal } from "#src/people/principal.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { AskCopyId, CopyRow, NewCopy } from "./copy.ts";

/** Somebody who may answer and can be written to. */
interface Recipient {
  readonly person: Principal;
  readonly surface: string;
  readonly address: string;
}

/** Those of the team who may answer the ask and have a contact. Nobody gets a question that the same person would be refused an answer to. */
export function recipientsOf(ask: Pick<Ask, "approvers">, people: readonly Principal[], team: Workspace["team"]): Recipient[] {
  return people.flatMap((person) => {
    const contact = person.source === "workspace" ? team.find((member) => member.id === person.handle)?.contact : undefined;
    const mayBeAsked = person.kind === "person" && person.disabledAtMs === null && may(person, "asks:answer") && mayAnswer(ask, person);
    return contact && mayBeAsked ? [{ person, ...contact }] : [];
  });
}

export interface CopyPlanInput {
  readonly ask: Pick<Ask, "id" | "expiry" | "decisions">;
  /** Steps of its expiry that the ask has taken, and how many of them the copies have seen. */
  readonly step: number;
  readonly copiedStep: number;
  readonly recipients: readonly Recipient[];
  readonly copies: readonly CopyRow[];
  readonly connected: ReadonlySet<string>;
  readonly nowMs: number;
}

export interface CopyPlan {
  /** Not posted yet, and for nobody any more: the person may not answer now, or reads elsewhere. */
  readonly gone: readonly AskCopyId[];
  readonly added: readonly NewCopy[];
}

/** Which copies of an open ask are missing, and which are no longer wanted. Pure. */
export function planCopies(given: CopyPlanInput): CopyPlan {
  const { ask, step, recipients, copies, connected, nowMs } = given;
  const answered = new Set(ask.decisions.filter(({ kind }) => kind === "decision").map(({ principalId }) => principalId));
  const gone = copies.filter((copy) => copy.messageId === null && !recipients.some((one) => isFor(copy, one)));
  const staying = copies.filter((copy) => !gone.includes(copy));
  const reminds = isReminderDue(given);
  const added = recipients
    .filter(({ person }) => !answered.has(person.id))
    .flatMap((one): NewCopy[] => {
      const mine = staying.filter((copy) => copy.principalId === one.person.id && copy.surface === one.surface);
      const reminder = mine.length > 0;
      if (reminder && !(reminds && mine.every((copy) => copy.messageId !== null && copy.step < step))) return [];
      const error = connected.has(one.surface) ? null : notConnected(one.surface, connected);
      const { surface, address } = one;
      return [{ id: newId("cpy", nowMs), askId: ask.id as AskId, principalId: one.person.id, surface, address, step, reminder, error }];
    });
  return { gone: gone.map(({ id }) => id), added };
}

const isFor = (copy: CopyRow, { person, surface, address }: Recipient): boolean =>
  copy.principalId === person.id && copy.surface === surface && copy.address === address;

/** Of several steps that were taken while nobody looked, one reminder is enough. */
const isReminderDue = ({ ask, step, copiedStep }: CopyPlanInput): boolean => ask.expiry.slice(copiedStep, step).some((taken) => taken.do === "remind");

const notConnected = (surface: string, connected: ReadonlySet<string>) => ({
  code: "surface_unavailable",
  message: `the surface ${surface} is not connected; connected: ${[...connected].join(", ") || "none"}`,
});
