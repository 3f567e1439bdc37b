import { type Db, inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import type { Caller } from "./principal.ts";
import { isMachine } from "./role.ts";

interface Attempt {
  readonly method: string;
  readonly route: string;
  /** The permission that was missing. */
  readonly needed: string;
}

const APART_MS = 10_000;
const MOST_KEPT = 10_000;

/**
 * Journals what an agent or worker tried to change and may not: `access.refused`. The same attempt of the same token within ten seconds is told once, so that the
 * journal cannot be flooded. To look is no attempt, and people are told, not journaled.
 */
export function createRefusals(db: Db, clock: Clock): (caller: Caller, attempt: Attempt) => Promise<void> {
  const told = new Map<string, number>();
  return async ({ id, handle, roles, tokenId }, attempt) => {
    if (!isMachine(roles) || attempt.method === "GET" || attempt.method === "HEAD") return;
    const key = `${tokenId} ${attempt.method} ${attempt.route}`;
    const nowMs = clock.nowMs();
    if (nowMs - (told.get(key) ?? Number.NEGATIVE_INFINITY) < APART_MS) return;
    if (told.size >= MOST_KEPT) told.clear();
    told.set(key, nowMs);
    await inTransaction(db, (tx) => append(tx, clock, [{ kind: "access.refused", actor: id, payload: { handle, ...attempt } }]));
  };
}
