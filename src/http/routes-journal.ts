import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { type FeedFilter, lastPosition, readFeed } from "#src/journal/store/feed.ts";
import { requireRun } from "#src/runs/store/state.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { type App, callerOf } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { idOf } from "./ids.ts";
import { eventPage, eventQuery, position } from "./journal-view.ts";
import { FieldError } from "./problem.ts";
import { text } from "./query.ts";

const kind = text(64);
const filters = {
  ticket: z.string().optional(),
  run: z.string().optional(),
  kind: z.union([z.array(kind).max(50), kind.transform((one) => [one])]).optional(),
};
type Filters = z.infer<z.ZodObject<typeof filters>>;

export function journalRoutes(app: App, { db }: HttpDeps): void {
  app.get(
    "/v1/journal",
    {
      config: { access: "read" },
      schema: { summary: "Everything that happened, in order.", tags: ["journal"], querystring: eventQuery.extend(filters), response: { 200: eventPage } },
    },
    async ({ query }) => {
      const { after, limit, ...given } = query;
      const events = await readFeed(db, { after, limit, filter: await filterOf(db, given) });
      return { events, nextAfter: events.at(-1)?.position ?? after };
    },
  );
  app.get(
    "/v1/feed",
    {
      config: { access: "read" },
      exposeHeadRoute: false,
      schema: {
        summary: "Everything that happens, as server-sent events. Goes on after `Last-Event-ID`, else after `after`, else with what comes next.",
        tags: ["journal"],
        querystring: z.strictObject({ after: position.optional(), ...filters }),
        produces: ["text/event-stream"],
      },
    },
    async (request, reply) => {
      const { after: asked, ...given } = request.query;
      const filter = await filterOf(db, given);
      const last = await lastPosition(db);
      const after = lastEventId(request) ?? asked ?? last;
      if (after > last) throw new FieldError([{ field: "query.after", expected: `a position of this journal, which ends at ${last}` }]);
      void reply.hijack();
      app.feed.follow({ response: reply.raw, headers: reply.getHeaders() as Record<string, string>, caller: callerOf(request), after, filter });
    },
  );
}

async function filterOf(db: HttpDeps["db"], { ticket, run, kind: kinds }: Filters): Promise<FeedFilter> {
  const ofRun = run === undefined ? undefined : await requireRun(db, idOf("run", run));
  const ticketId = ticket === undefined ? ofRun?.ticketId : (await requireTicket(db, idOf("ticket", ticket))).id;
  return { ...(ticketId ? { ticketId } : {}), ...(ofRun ? { runId: ofRun.id } : {}), ...(kinds ? { kinds } : {}) };
}

function lastEventId(request: Pick<FastifyRequest, "headers">): number | undefined {
  const given = request.headers["last-event-id"];
  if (given === undefined || given === "") return undefined;
  const read = position.safeParse(given);
  if (read.success) return read.data;
  throw new FieldError([{ field: "headers.last-event-id", expected: "the id of an event of this feed" }]);
}
