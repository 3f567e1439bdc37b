import { z } from "zod";
import { limit, wholeNumber } from "./query.ts";

const eventView = z
  .object({
    position: z.int().describe("the cursor: gapless, never changes"),
    kind: z.string(),
    at: z.string(),
    actor: z.string(),
    runId: z.string().nullable(),
    ticketId: z.string().nullable(),
    payload: z.unknown().optional(),
    erased: z.literal(true).optional().describe("the payload was erased"),
  })
  .meta({ id: "Event" });

export const position = wholeNumber(0, Number.MAX_SAFE_INTEGER);

export const eventQuery = z.strictObject({ after: position.default(0), limit: limit(200, 1_000) });

export const eventPage = z.object({ events: z.array(eventView), nextAfter: z.int().describe("`after` of the next page") });
