import { z } from "zod";
import { parseReference } from "#src/secrets/reference.ts";

export const API_VERSION = "loopwright.dev/v1";

/** Lower-case words for ids that people type and files are named by. */
export const slug = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, "expected lower-case letters, digits, - and _, starting with a letter or digit, 64 at most");

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A length of time such as `30s`, `5m`, `2h`, `1d`; becomes milliseconds. */
export const duration = z
  .string()
  .regex(/^[1-9]\d{0,8}(ms|s|m|h|d)$/, "expected a length of time such as 30s, 5m, 2h or 1d")
  .transform((text) => {
    const [, amount, unit] = /^(\d+)([a-z]+)$/.exec(text) as unknown as [string, string, keyof typeof UNIT_MS];
    return Number(amount) * UNIT_MS[unit];
  });

export const role = z.enum(["owner", "admin", "approver", "operator", "viewer", "agent", "worker"]);
const MOST_LABELS = 64;
export const labelKey = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, "expected lower-case letters, digits and _, starting with a letter, 32 at most");
export const labels = z
  .record(labelKey, z.string().min(1).max(128))
  .refine((given) => Object.keys(given).length <= MOST_LABELS, `expected ${MOST_LABELS} labels at most`);
export const usd = z.number().nonnegative().finite();
/** Asked of the formatter, since `Intl.supportedValuesOf` leaves out names in daily use, such as Asia/Kolkata and Europe/Kyiv. */
export const timeZone = z.string().refine((name) => {
  try {
    return /^[A-Z]/i.test(name) && new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone.length > 0;
  } catch {
    return false;
  }
}, "expected a time zone such as Asia/Taipei or UTC");
export const languageTag = z.string().refine((tag) => {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}, "expected a language tag such as en, zh-TW or pt-BR");

/** Who may answer an ask: anyone with one of the roles, one of the named people, or anyone of a team. */
export const approvers = z
  .strictObject({ roles: z.array(role).default([]), names: z.array(slug).default([]), groups: z.array(slug).optional() })
  .refine((who) => who.roles.length + who.names.length + (who.groups?.length ?? 0) > 0, "expected at least one role, name or group");
export type Approvers = z.infer<typeof approvers>;

/** What happens to an ask that nobody answers. There is no step that approves. */
export const expiryStep = z.discriminatedUnion("do", [
  z.strictObject({ after: duration, do: z.literal("remind") }),
  z.strictObject({ after: duration, do: z.literal("escalate"), to: approvers }),
  z.strictObject({ after: duration, do: z.literal("fail") }),
]);
export type ExpiryStep = z.infer<typeof expiryStep>;

/** Where a secret is named, in the forms of `parseReference`. The value itself never stands in a workspace file. */
export const secretReference = z.string().refine((text) => {
  try {
    return parseReference(text) !== undefined;
  } catch {
    return false;
  }
}, "expected a reference such as secret:anthropic-key or secret:env:ANTHROPIC_API_KEY; the value is kept elsewhere");

export const header = { apiVersion: z.literal(API_VERSION) };
