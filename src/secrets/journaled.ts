import type { Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { SecretChange } from "./sealed-store.ts";

/** Puts every change of a sealed secret into the journal, in the transaction of the change: names and versions, never values. */
export function journaled(clock: Clock, by: { readonly actor: string; readonly face: string }) {
  return async (tx: Transaction, { kind, ...change }: SecretChange): Promise<void> => {
    await append(tx, clock, [{ kind, actor: by.actor, payload: { ...change, face: by.face } }]);
  };
}
