import { z } from "zod";

/** What the desk understands of a message. The categories that exist are those of the workspace. */
export const classification = z.strictObject({
  category: z.string().describe("one of the categories that you were given"),
  severity: z.int().min(1).max(5).describe("1 can wait for days, 3 today, 4 somebody can get hurt, 5 now"),
  urgencyMinutes: z.int().positive().describe("within how many minutes somebody has to act"),
  risks: z.array(z.string()).describe("risk tags such as electrical_risk; only those that the message supports"),
  language: z.string().describe("language of the message as a BCP 47 tag"),
});
export type Classification = z.infer<typeof classification>;

export const translation = z.strictObject({ text: z.string().min(1).describe("the message in the language that you were told") });
export type Translation = z.infer<typeof translation>;

/** Whom to send, at what price, with which words. */
export const draft = z.strictObject({
  vendor: z.string().nullable().describe("id of one of the vendors that you were given, or null when none fits"),
  costUsd: z.number().nonnegative().nullable().describe("expected cost in dollars, or null when it is unknown"),
  etaMinutes: z.int().positive().nullable().describe("minutes until they are there, or null when it is unknown"),
  noteForVendor: z.string().min(1).describe("what the vendor must know, in a language that the vendor reads"),
  noteForReporter: z.string().nullable().describe("an answer to the reporter in the reporter's language, or null"),
});
export type Draft = z.infer<typeof draft>;
