import { z } from "zod";

/** What an agent says when it hands over or gives a part of the work away. */
export const handoverArgs = z.strictObject({
  reason: z.string().min(1).max(2_000),
  /** What is wanted; left out: what the run is about. */
  goal: z.string().min(1).max(4_000).optional(),
  /** What was found out so far. */
  evidence: z.string().max(20_000).optional(),
});

export const delegationArgs = z.strictObject({
  goal: z.string().min(1).max(4_000),
  evidence: z.string().max(20_000).optional(),
  /** Until when the answer is of use. */
  deadlineMinutes: z.number().positive().max(43_200).optional(),
});

/** What is asked of a model that may hand over. The names say to whom. */
export const HANDOFF = "handoff.";
export const DELEGATE = "delegate.";

export const HANDOVER_SCHEMA = z.toJSONSchema(handoverArgs, { io: "input" });
export const DELEGATION_SCHEMA = z.toJSONSchema(delegationArgs, { io: "input" });
