/**
 * What a principal may be. owner, admin: everything. approver: reads, answers asks. operator: opens and moves tickets, controls runs, answers what is open
 * to operators. viewer: reads. agent, worker: only what their token names.
 */
export const ROLES = ["owner", "admin", "approver", "operator", "viewer", "agent", "worker"] as const;
export type Role = (typeof ROLES)[number];

/** An agent or a worker, whatever else it is: it decides on nobody's power or money. */
export const isMachine = (roles: readonly Role[]): boolean => roles.some((role) => role === "agent" || role === "worker");
