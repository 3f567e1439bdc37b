import { z } from "zod";

const totals = {
  calls: z.int().describe("ended ones"),
  openCalls: z.int().describe("out now; in reservedNanos and in no other sum"),
  reservedNanos: z.int(),
  costNanos: z.int().describe("cash, in nano-dollars (1 USD = 1,000,000,000); of the calls whose cost is known"),
  unknownCalls: z.int().describe("calls whose cost is not known, which is not zero"),
  listNanos: z.int(),
  unlistedCalls: z.int(),
  overrunNanos: z.int(),
  estimatedCalls: z.int(),
  selfReportedCalls: z.int(),
  inputTokens: z.int(),
  cachedTokens: z.int(),
  outputTokens: z.int(),
  reasoningTokens: z.int(),
};

export const costGroupView = z.object({ key: z.string().nullable(), ...totals, tiers: z.record(z.string(), z.object(totals)) }).meta({ id: "CostGroup" });

const nanos = z.int().nullable().describe("nano-dollars; null: no cap in money");
const tokens = z.int().nullable().describe("null: no cap in tokens");

export const budgetView = z
  .object({
    budget: z.string(),
    subject: z.string(),
    period: z.enum(["run", "ticket", "day", "month"]),
    onReach: z.enum(["block", "pause", "warn"]),
    startsAt: z.string().nullable(),
    resetsAt: z.string().nullable().describe("null: the period has no end"),
    capNanos: nanos.describe("with what was granted beyond the manifest for this period"),
    raisedNanos: z.int(),
    spentNanos: z.int(),
    reservedNanos: z.int(),
    leftNanos: nanos,
    capTokens: tokens,
    raisedTokens: z.int(),
    spentTokens: z.int(),
    reservedTokens: z.int(),
    leftTokens: tokens,
    unknownCalls: z.int(),
  })
  .meta({ id: "Budget" });

export const forecastView = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("range"),
    lowNanos: z.int(),
    medianNanos: z.int(),
    highNanos: z.int(),
    from: z.int().describe("finished runs that it was made from"),
    alike: z.enum(["labels", "agent"]),
  }),
  z.object({ kind: z.literal("unknown") }),
]);
