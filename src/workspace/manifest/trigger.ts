import { z } from "zod";
import { taskKind } from "./agent.ts";
import { header, labelKey, slug, timeZone } from "./common.ts";

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
        at: z.string().min(1),
        timeZone: timeZone.optional(),
        missed: z.enum(["skip", "once"]).default("once"),
        text: z.string().min(1),
        labels: z.record(labelKey, z.string()).default({}),
      }),
    }),
  ]),
});
export type TriggerManifest = z.infer<typeof triggerManifest>;
