import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { WORKSPACE_SCOPE } from "#src/brain/item.ts";
import { findReceipt } from "#src/evidence/store/receipts.ts";
import { readFeed } from "#src/journal/store/feed.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { listTickets, requireTicket } from "#src/tickets/store/read.ts";
import type { Ticket } from "#src/tickets/ticket.ts";
import type { App } from "./app.ts";
import { recallView, viewRecall } from "./brain-view.ts";
import type { HttpDeps } from "./deps.ts";
import { idOf } from "./ids.ts";
import { eventPage, eventQuery } from "./journal-view.ts";
import { choices, cursor, cursorOf, idParams, isoOf, labelFilter, limit } from "./query.ts";
import { TICKET_STATUSES, ticketView, viewTicket } from "./ticket-view.ts";

const receiptView = z
  .object({
    runId: z.string(),
    ticketId: z.string().nullable(),
    digest: z.string(),
    at: z.string(),
    pack: z.unknown(),
    envelope: z.string().describe("the DSSE envelope, byte for byte"),
  })
  .meta({ id: "Receipt" });

export function ticketRoutes(app: App, deps: HttpDeps): void {
  const { db } = deps;
  app.get(
    "/v1/tickets",
    {
      config: { access: "read" },
      schema: {
        summary: "Tickets, newest first.",
        tags: ["tickets"],
        querystring: z.strictObject({ status: choices(TICKET_STATUSES), label: labelFilter, limit: limit(50, 200), cursor: cursor.optional() }),
        response: { 200: z.object({ tickets: z.array(ticketView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const found = await listTickets(db, {
        statuses: query.status,
        labels: query.label,
        limit: query.limit + 1,
        ...(query.cursor ? { before: query.cursor } : {}),
      });
      const page = found.slice(0, query.limit);
      return { tickets: page.map(viewTicket), nextCursor: found.length > page.length ? cursorOf(page.at(-1)!) : null };
    },
  );
  app.get(
    "/v1/tickets/:id",
    {
      config: { access: "read" },
      schema: {
        summary: "One ticket, by id or number.",
        tags: ["tickets"],
        params: idParams,
        response: { 200: ticketView, 304: z.undefined().describe("it is as the If-None-Match says") },
      },
    },
    async (request, reply) => {
      const ticket = await requireTicket(db, idOf("ticket", request.params.id));
      return isUnchanged(request, reply, ticket.version) ? reply.code(304).send() : viewTicket(ticket);
    },
  );
}

/** What belongs to one ticket. */
export function ticketPartRoutes(app: App, deps: HttpDeps): void {
  const { db } = deps;
  app.get(
    "/v1/tickets/:id/brain",
    {
      config: { access: "read" },
      schema: {
        summary: "What is known that fits this ticket.",
        tags: ["tickets"],
        params: idParams,
        querystring: z.strictObject({ limit: limit(5, 20) }),
        response: { 200: recallView },
      },
    },
    async ({ params, query }) => {
      const ticket = await requireTicket(db, idOf("ticket", params.id));
      return viewRecall(await deps.recall({ ...(await questionOf(deps, ticket)), scopes: [WORKSPACE_SCOPE], limitPerLayer: query.limit }));
    },
  );
  app.get(
    "/v1/tickets/:id/events",
    {
      config: { access: "read" },
      schema: {
        summary: "What happened to this ticket, in order.",
        tags: ["tickets"],
        params: idParams,
        querystring: eventQuery,
        response: { 200: eventPage },
      },
    },
    async ({ params, query }) => {
      const { id: ticketId } = await requireTicket(db, idOf("ticket", params.id));
      const events = await readFeed(db, { ...query, filter: { ticketId } });
      return { events, nextAfter: events.at(-1)?.position ?? query.after };
    },
  );
}

export function receiptRoute(app: App, { db }: HttpDeps): void {
  app.get(
    "/v1/tickets/:id/receipt",
    {
      config: { access: "read" },
      schema: { summary: "The newest signed receipt of this ticket.", tags: ["tickets"], params: idParams, response: { 200: receiptView } },
    },
    async ({ params }) => {
      const ticket = await requireTicket(db, idOf("ticket", params.id));
      const found = await findReceipt(db, ticket.id);
      if (!found) {
        throw new LoopError(
          "receipt_unknown",
          `Ticket #${ticket.number} has no receipt yet: it is ${ticket.status}, and a receipt is signed when a run ends.`,
          { facts: { ticket: ticket.id, status: ticket.status } },
        );
      }
      const { atMs, ...receipt } = found;
      return { ...receipt, at: isoOf(atMs) };
    },
  );
}

/** Labels that say what the ticket is about: the subject alone, as agents ask. */
async function questionOf({ workspaces }: HttpDeps, ticket: Ticket) {
  const { subject } = (await workspaces.current()).workspace.manifest;
  const about = ticket.labels[subject];
  return {
    text: ticket.body,
    labels: about === undefined ? {} : { [subject]: about },
    categories: ticket.triage?.category === undefined ? [] : [ticket.triage.category],
  };
}

/** Sets the ETag, and says whether the caller has this version already. */
function isUnchanged(request: Pick<FastifyRequest, "headers">, reply: FastifyReply, version: number): boolean {
  const tag = `"${version}"`;
  void reply.header("etag", tag);
  const known = request.headers["if-none-match"]?.split(",").map((one) => one.trim().replace(/^W\//, "")) ?? [];
  return known.includes(tag) || known.includes("*");
}
