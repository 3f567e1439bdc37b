import type { AskId, Id, PrincipalId } from "#src/kernel/ids.ts";

/*
 * How the copy of an ask moves. Its row says what its message shall say (`wanted`) and what it says (`shown`); whoever finds them apart does the next thing.
 *
 *   shown 0, wanted 1      to be posted: looked for first, if somebody may have posted it before
 *   shown 1, wanted 1      posted; nothing to do while the ask is open
 *   shown n, wanted > n    the ask was settled, or decided anew: the message is edited, or a short one follows
 *
 * An ask that is settled before a copy was tried is not sent to that person any more. A try that fails leaves the row as it is, with the reason and a time.
 * Lock order: the ask, then its copies.
 */

export type AskCopyId = Id<"cpy">;

/** A copy that is planned. */
export interface NewCopy {
  /** The delivery key of its message. */
  readonly id: AskCopyId;
  readonly askId: AskId;
  readonly principalId: PrincipalId;
  readonly surface: string;
  readonly address: string;
  /** How many steps of its expiry the ask had taken. */
  readonly step: number;
  readonly reminder: boolean;
  /** Why it cannot be sent as things are. */
  readonly error: CopyError | null;
}

export interface CopyError {
  readonly code: string;
  readonly message: string;
}

export interface CopyRow extends NewCopy {
  readonly handle: string;
  /** Of what was posted; null: nothing, as far as is known. */
  readonly messageId: string | null;
  readonly wanted: number;
  readonly shown: number;
  /** How often it was taken; a try counts only while nobody took it again. */
  readonly claims: number;
  /** Since the last success. */
  readonly failures: number;
  /** The first message of this person about this ask on this surface. */
  readonly isFirst: boolean;
}
