import type { Ask } from "#src/asks/ask.ts";
import type { NewEvent } from "#src/journal/event.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { CopyRow } from "./copy.ts";

/** An event about one copy of an ask: to whom, where, and whether it was the question, a reminder, or the word that it is settled. */
export function copyEvent(
  kind: "ask.delivered" | "ask.delivery_failed",
  { ask, copy }: { readonly ask: Pick<Ask, "id" | "runId" | "ticketId">; readonly copy: Pick<CopyRow, "id" | "handle" | "surface" | "step" | "reminder"> },
  more: { readonly [key: string]: Json },
): NewEvent {
  return {
    kind,
    actor: "system",
    ...(ask.runId ? { runId: ask.runId } : {}),
    ...(ask.ticketId ? { ticketId: ask.ticketId } : {}),
    payload: { ask: ask.id, copy: copy.id, to: copy.handle, surface: copy.surface, step: copy.step, what: copy.reminder ? "reminder" : "ask", ...more },
  };
}
