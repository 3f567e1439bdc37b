import { createHash, randomBytes } from "node:crypto";
import { type Db, inTransaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { batched } from "#src/kernel/batched.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { newId, type RunId } from "#src/kernel/ids.ts";
import { may, type Permission, PERMISSIONS, type Scope } from "./permission.ts";
import type { Caller, Principal } from "./principal.ts";
import { callersByHash, insertToken, requireToken, revokeRow, type Token } from "./store/tokens.ts";

const RANDOM_BYTES = 24;
const MOST_AT_ONCE = 200;
const SHAPE = /^loop_[A-Za-z0-9_-]{32}$/;

export interface TokenRequest {
  readonly principal: Pick<Principal, "id" | "handle">;
  readonly label: string;
  readonly scopes: readonly Scope[];
  /** Null: until it is revoked. */
  readonly validForMs: number | null;
  /** Whose alone it is; left out: nobody's. */
  readonly runId?: RunId;
  /** A principal id, or `system`: who made it, for the journal. */
  readonly by: string;
}

/** Makes a token. `value` is here and nowhere else: only its SHA-256 is kept. Rights are the caller's business: see `requireTokenRight`. */
export async function createToken(db: Db, clock: Clock, request: TokenRequest): Promise<{ readonly value: string; readonly token: Token }> {
  const value = `loop_${randomBytes(RANDOM_BYTES).toString("base64url")}`;
  const id = newId("tkn", clock.nowMs());
  const { principal, label, validForMs, runId = null } = request;
  const scopes = [...new Set(request.scopes)];
  const token = await inTransaction(db, async (tx) => {
    await insertToken(tx, { id, principalId: principal.id, hash: hashOf(value), label, scopes, validForMs, runId });
    await append(tx, clock, [{ kind: "token.created", actor: request.by, payload: { token: id, of: principal.handle, label, scopes, validForMs } }]);
    return requireToken(tx, id);
  });
  return { value, token };
}

/** From the next request on it opens nothing. Safe to repeat. @throws LoopError token_unknown */
export async function revokeToken(db: Db, clock: Clock, { tokenId, by }: { readonly tokenId: string; readonly by: string }): Promise<Token> {
  return inTransaction(db, async (tx) => {
    const token = await requireToken(tx, tokenId);
    if (await revokeRow(tx, token.id)) {
      await append(tx, clock, [{ kind: "token.revoked", actor: by, payload: { token: token.id, of: token.handle, label: token.label } }]);
    }
    return requireToken(tx, tokenId);
  });
}

/**
 * Whose token this is. Undefined for everything else, whatever the reason: not the shape of one, unknown, revoked, expired, of somebody disabled. The text
 * itself goes no further than its digest.
 */
export async function authenticate(db: Db, tokenText: string): Promise<Caller | undefined> {
  return createAuthenticator(db)(tokenText);
}

/** The same for many at once: those who ask while one look is under way are looked up together by the next, never by one that began before they asked. */
export function createAuthenticator(db: Db): (tokenText: string) => Promise<Caller | undefined> {
  const look = batched<string, Caller | undefined>(
    async (hashes) => {
      const callers = await callersByHash(db, [...new Set(hashes)]);
      return hashes.map((hash) => callers.get(hash));
    },
    { most: MOST_AT_ONCE },
  );
  return async (tokenText) => (SHAPE.test(tokenText) ? look(hashOf(tokenText).toString("hex")) : undefined);
}

/**
 * Whether this caller may make or revoke a token of that principal with those scopes: never one that can do more than the token in hand, and only an
 * owner for an owner. @throws LoopError permission_missing
 */
export function requireTokenRight(caller: Caller, of: { readonly principal: Pick<Principal, "handle" | "roles">; readonly scopes: readonly Scope[] }): void {
  if (of.principal.roles.includes("owner") && !caller.roles.includes("owner")) {
    throw new LoopError("permission_missing", `Only an owner may make or revoke a token of ${of.principal.handle}, who is an owner.`, {
      facts: { handle: caller.handle },
    });
  }
  const wanted = of.scopes.includes("*") ? PERMISSIONS : of.scopes.filter((scope): scope is Permission => scope !== "*");
  const beyond = wanted.filter((permission) => !may(caller, permission));
  if (beyond.length === 0) return;
  throw new LoopError("permission_missing", `The new token would do more than yours: ${beyond.join(", ")}. Ask for fewer scopes.`, {
    facts: { handle: caller.handle },
  });
}

const hashOf = (value: string): Buffer => createHash("sha256").update(value).digest();
