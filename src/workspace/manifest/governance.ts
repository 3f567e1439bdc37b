import { z } from "zod";
import { approvers, expiryStep, header, languageTag, role, slug, timeZone, usd } from "./common.ts";

const atLeast = z.strictObject({ atLeast: z.number() });
const above = z.strictObject({ aboveUsd: usd });
const upTo = z.strictObject({ upToUsd: usd });
const oneOrMore = <T extends z.ZodType>(item: T) => z.union([item.transform((one) => [one]), z.array(item).min(1)]);

/**
 * All members that are given must match; of several values one is enough. In `name`, `agent`, `label` and `path` a `*` stands for any run of
 * characters, `/` among them. `taint` of an allow rule wants everything that was read to be of these kinds; that of the others, anything.
 */
export const policyCondition = z.strictObject({
  kind: oneOrMore(z.enum(["model", "tool", "worker", "message", "shell", "push", "handoff", "check"])).optional(),
  name: oneOrMore(z.string().min(1)).optional(),
  agent: oneOrMore(z.string().min(1)).optional(),
  effect: oneOrMore(z.enum(["read", "idempotent", "findable", "once"])).optional(),
  risk: oneOrMore(z.enum(["low", "medium", "high"])).optional(),
  severity: atLeast.optional(),
  cost: z.union([above, upTo]).optional(),
  label: z.record(z.string(), z.string()).optional(),
  taint: oneOrMore(z.enum(["owner", "member", "outside", "tool", "agent", "learned"])).optional(),
  path: oneOrMore(z.string().min(1)).optional(),
});

export const policyRule = z
  .strictObject({
    name: slug,
    when: policyCondition,
    then: z.enum(["allow", "ask", "deny"]),
    why: z.string().min(1),
    /** For `allow`: asks of these rules are not put where this one applies, since somebody has answered them for a time. A deny is never lifted, nor what SOP, skill or egress ask. */
    lifts: z.array(z.string().min(1)).optional(),
    /** From then on the rule does not apply. */
    until: z.iso.datetime({ offset: true }).optional(),
    /** For `ask`: who may answer; left out: anyone with the role approver, admin or owner. */
    approvers: approvers.optional(),
    quorum: z.int().min(1).max(20).default(1),
    /** Whoever brought the work may not approve it. */
    separation: z.boolean().optional(),
    expiry: z.array(expiryStep).default([]),
  })
  .refine((rule) => rule.lifts === undefined || (rule.then === "allow" && rule.until !== undefined), {
    path: ["lifts"],
    message: "expected only where the rule allows and says `until` when",
  });
export type PolicyRule = z.infer<typeof policyRule>;

/** `policies/<name>.yaml` */
export const policyManifest = z.strictObject({ ...header, kind: z.literal("Policy"), name: slug, rules: z.array(policyRule) });
export type PolicyManifest = z.infer<typeof policyManifest>;

/** `budgets/<name>.yaml`. `each` makes one budget per value: every property, every ticket, every run. */
export const budgetManifest = z
  .strictObject({
    ...header,
    kind: z.literal("Budget"),
    name: slug,
    scope: z.union([
      z.strictObject({ workspace: z.literal(true) }),
      z.strictObject({ agent: slug }),
      z.strictObject({ label: z.string(), value: z.string().optional() }),
      z.strictObject({ each: z.enum(["ticket", "run", "agent"]) }),
    ]),
    period: z.enum(["run", "ticket", "day", "month"]),
    timeZone: timeZone.optional(),
    capUsd: usd.optional(),
    capTokens: z.int().positive().optional(),
    /** block: each run that reaches it waits and asks; pause: all of them wait behind one ask; warn: the call goes through and is marked. */
    onReach: z.enum(["block", "pause", "warn"]).default("block"),
  })
  .refine((budget) => budget.capUsd !== undefined || budget.capTokens !== undefined, "expected capUsd, capTokens or both");
export type BudgetManifest = z.infer<typeof budgetManifest>;

/** `teams/<name>.yaml`: the people of the workspace, with their roles and what they look after. */
export const teamManifest = z.strictObject({
  ...header,
  kind: z.literal("Team"),
  /** As approvers, the people of a team are named by it. */
  name: slug,
  /** Members of other teams who belong to this one too. */
  also: z.array(slug).default([]),
  members: z.array(
    z.strictObject({
      id: slug,
      name: z.string().min(1),
      roles: z.array(role).min(1),
      languages: z.array(languageTag).default([]),
      /** Label values that this person looks after, such as property: [warm_taipei_2br]; first in line for a dispatch about them. */
      looksAfter: z.record(z.string(), z.array(z.string())).default({}),
      /** Where this person reads messages. */
      contact: z.strictObject({ surface: slug, address: z.string().min(1) }).optional(),
      identities: z.array(z.strictObject({ surface: slug, id: z.string().min(1) })).default([]),
    }),
  ),
});
export type TeamManifest = z.infer<typeof teamManifest>;
