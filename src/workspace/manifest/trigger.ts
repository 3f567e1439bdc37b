import { z } from "zod";
import { taskKind } from "./agent.ts";
import { header, labelKey, slug, timeZone } from "./common.ts";

/** By its look; the queue reads it whole, and names one that it cannot use. */
const isRecurrence = (text: string): boolean => /^\s*(?:[\d*/,?LW#A-Za-z-]+\s+){4}[\d*/,?LW#A-Za-z-]+\s*$/.test(text) || /(?:^|[;:\n])FREQ=[A-Z]+/.test(text);

/** `triggers/<name>.yaml`: what starts an agent, and with which task. */
export const triggerManifest = z.strictObject({
  ...header,
  kind: z.literal("Trigger"),
  name: slug,
  agent: slug,
  /** The task kind that the run begins with; models are chosen by it. */
  task: taskKind.optional(),
  on: z.union([
    /** A message; all that is given must fit. The first trigger in order of file that fits picks the agent. */
    z.strictObject({
      message: z.strictObject({
        surface: slug.optional(),
        sender: z.string().min(1).optional(),
        labels: z.record(labelKey, z.string()).default({}),
        phrases: z.array(z.string().min(1)).default([]),
      }),
    }),
    /** A moment; the text is what the agent is told. */
    z.strictObject({
      schedule: z.strictObject({
        /** Five fields of cron, or an RRULE. */
        at: z.string().refine(isRecurrence, "expected five fields of cron such as 0 9 * * 1-5, or a rule such as FREQ=WEEKLY;BYDAY=MO"),
        timeZone: timeZone.optional(),
        missed: z.enum(["skip", "once"]).default("once"),
        text: z.string().min(1),
        labels: z.record(labelKey, z.string()).default({}),
      }),
    }),
  ]),
});
export type TriggerManifest = z.infer<typeof triggerManifest>;
