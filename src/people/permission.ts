import { LoopError } from "#src/kernel/errors.ts";
import type { Role } from "./role.ts";

/** What can be permitted. A scope of a token is one of these, or `*` for all that the roles give. */
export const PERMISSIONS = [
  "read",
  "tickets:write",
  "asks:answer",
  "asks:override",
  "budgets:raise",
  "runs:control",
  "workspace:propose",
  "workspace:apply",
  "tokens:manage",
  "models:call",
  "services:call",
  "pulse:steer",
  "pulse:work",
] as const;
export type Permission = (typeof PERMISSIONS)[number];

export const SCOPES = ["*", ...PERMISSIONS] as const;
export type Scope = (typeof SCOPES)[number];

const GIVEN: Readonly<Record<Role, readonly Permission[]>> = {
  owner: PERMISSIONS,
  admin: PERMISSIONS,
  approver: ["read", "asks:answer"],
  operator: ["read", "tickets:write", "asks:answer", "runs:control", "workspace:propose", "models:call", "services:call", "pulse:steer", "pulse:work"],
  viewer: ["read"],
  agent: ["read", "tickets:write", "models:call", "services:call", "pulse:steer", "pulse:work"],
  worker: ["read", "pulse:work"],
};

/** Their tokens name each thing: `*` gives them nothing. */
const NAMES_EACH: ReadonlySet<Role> = new Set(["agent", "worker"]);

/** `scopes` left out: not by a token, so the roles alone count. */
export interface Bearer {
  readonly roles: readonly Role[];
  readonly scopes?: readonly string[];
}

/** A role gives it, and the scopes of the token do not take it away. */
export function may({ roles, scopes }: Bearer, permission: Permission): boolean {
  return roles.some((role) => {
    if (!GIVEN[role].includes(permission)) return false;
    if (scopes?.includes(permission)) return true;
    return !NAMES_EACH.has(role) && (scopes === undefined || scopes.includes("*"));
  });
}

/** @throws LoopError permission_missing */
export function requirePermission(who: Bearer & { readonly handle: string }, permission: Permission): void {
  if (may(who, permission)) return;
  const roles = who.roles.join(", ") || "none";
  const scopes = who.scopes === undefined ? "" : `; scopes of the token: ${who.scopes.join(", ") || "none"}`;
  throw new LoopError("permission_missing", `${who.handle} may not do this: it needs ${permission}. Roles: ${roles}${scopes}.`, {
    facts: { needed: permission, handle: who.handle },
  });
}
