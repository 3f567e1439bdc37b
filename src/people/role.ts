/**
 * What a principal may be. owner, admin: everything. approver: reads, answers asks. operator: opens and moves tickets, controls runs, answers what is open
 * to operators. viewer: reads. agent, worker: only what their token names.
 */
export const ROLES = ["owner", "admin", "approver", "operator", "viewer", "agent", "worker"] as const;
export type Role = (typeof ROLES)[number];
