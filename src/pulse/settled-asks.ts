import type { Db } from "#src/database/open.ts";
import { batched } from "#src/kernel/batched.ts";
import { settledOf } from "./store/worker-asks.ts";

const MOST_AT_ONCE = 1_000;
const known = new WeakMap<Db, (askId: string) => Promise<true | undefined>>();

/** Whether an ask is settled; undefined: not yet. However many wait, those who look at the same time look with one statement. */
export function settledAmong(db: Db): (askId: string) => Promise<true | undefined> {
  let look = known.get(db);
  if (look === undefined) {
    look = batched<string, true | undefined>(
      async (ids) => {
        const settled = await settledOf(db, [...new Set(ids)]);
        return ids.map((id) => settled.has(id) || undefined);
      },
      { most: MOST_AT_ONCE },
    );
    known.set(db, look);
  }
  return look;
}
