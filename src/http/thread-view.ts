import { z } from "zod";
import type { Thread, ThreadMessage } from "#src/tickets/thread.ts";
import { isoOf, isoOrNull } from "./query.ts";

export const threadView = z
  .object({
    id: z.string(),
    surface: z.string(),
    channel: z.string(),
    externalId: z.string(),
    agent: z.string(),
    labels: z.record(z.string(), z.string()),
    createdAt: z.string(),
  })
  .meta({ id: "Thread" });

export function viewThread({ id, surface, channel, externalId, agent, labels, createdAtMs }: Thread): z.infer<typeof threadView> {
  return { id, surface, channel, externalId, agent, labels, createdAt: isoOf(createdAtMs) };
}

export const threadMessageView = z
  .object({
    id: z.string(),
    position: z.int(),
    role: z.enum(["person", "agent"]),
    author: z.string(),
    trust: z.string(),
    text: z.string(),
    content: z.unknown().describe("a structured answer; null: the text is all"),
    attachments: z.array(z.object({ digest: z.string(), name: z.string(), mediaType: z.string(), sizeBytes: z.int() })),
    runId: z.string().nullable().describe("the run that took it or answered with it; null: it waits for its turn"),
    deliveredAt: z.string().nullable().describe("when an answer reached whoever asked"),
    at: z.string(),
  })
  .meta({ id: "ThreadMessage" });

export function viewThreadMessage(message: ThreadMessage): z.infer<typeof threadMessageView> {
  const { id, position, role, author, trust, text, content, attachments, runId, deliveredAtMs, atMs } = message;
  return { id, position, role, author, trust, text, content, attachments: [...attachments], runId, deliveredAt: isoOrNull(deliveredAtMs), at: isoOf(atMs) };
}
