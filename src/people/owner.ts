import { userInfo } from "node:os";
import { type Db, inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { newId } from "#src/kernel/ids.ts";
import type { Principal } from "./principal.ts";
import { insertPrincipal, lockOwners, type NewPrincipal } from "./store/change-principals.ts";
import { findServerOwner, requirePrincipal } from "./store/principals.ts";

const USUAL_HANDLE = "owner";
const MOST_CHARACTERS = 64;

export interface OwnerWish {
  /** The account that the server runs under; left out: the operating system is asked. */
  readonly osUser?: string;
  /** Handles of the workspace's team, which may not be there yet. */
  readonly avoid?: readonly string[];
}

/** The owner that the server made on its first start; makes one where there is none. Safe to call from several servers at once. */
export async function ensureOwner(db: Db, clock: Clock, wish: OwnerWish = {}): Promise<{ readonly principal: Principal; readonly created: boolean }> {
  const osUser = wish.osUser ?? osUserName();
  return inTransaction(db, async (tx) => {
    await lockOwners(tx);
    const known = await findServerOwner(tx);
    if (known) return { principal: known, created: false };
    const base = {
      id: newId("prn", clock.nowMs()),
      kind: "person",
      displayName: osUser,
      roles: ["owner"],
      groups: [],
      languages: [],
      looksAfter: {},
      source: "server",
    } as const;
    for (const handle of handlesFor(osUser)) {
      if (wish.avoid?.includes(handle)) continue;
      const made: NewPrincipal = { ...base, handle };
      if (!(await insertPrincipal(tx, made))) continue;
      await append(tx, clock, [
        { kind: "principal.changed", actor: "system", payload: { what: "created", handle, roles: [...made.roles], source: made.source } },
      ]);
      break;
    }
    return { principal: await requirePrincipal(tx, base.id), created: true };
  });
}

/** The account's name, then `owner`, `owner-2` and so on without end. */
function* handlesFor(osUser: string): Generator<string> {
  yield handleOf(osUser);
  yield USUAL_HANDLE;
  for (let number = 2; ; number += 1) yield `${USUAL_HANDLE}-${number}`;
}

/** As the names of a team file are: lower-case letters, digits, `-` and `_`. */
function handleOf(osUser: string): string {
  const plain = osUser.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const handle = plain.replace(/[^a-z0-9_-]+/g, "-").replace(/^[-_]+|-+$/g, "");
  return handle.slice(0, MOST_CHARACTERS) || USUAL_HANDLE;
}

function osUserName(): string {
  try {
    return userInfo().username;
  } catch {
    return USUAL_HANDLE; // a container may run as a number that no account has
  }
}
