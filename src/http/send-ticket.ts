import type { FastifyReply } from "fastify";
import { z } from "zod";
import type { Db } from "#src/database/open.ts";
import { inboundMessage, type InboundMessage } from "#src/intake/read-message.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { may } from "#src/people/permission.ts";
import type { Caller } from "#src/people/principal.ts";
import { keyReused } from "#src/people/store/idempotency.ts";
import { findByIdentity, principalByHandle } from "#src/people/store/principals.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { type App, callerOf, faceOf } from "./app.ts";
import { type HttpDeps, type HttpLimits, USUAL_LIMITS } from "./deps.ts";
import { type Answer, keyedRequest, performThenKeep, send } from "./once.ts";
import { flag } from "./query.ts";
import { ticketView, type TicketView, viewTicket } from "./ticket-view.ts";

const newTicket = inboundMessage
  .pick({ text: true, sender: true, externalId: true, language: true, labels: true, agent: true, task: true })
  .partial({ sender: true })
  .meta({ id: "NewTicket" });

const receivedView = z
  .object({
    id: z.string(),
    number: z.int(),
    runId: z.string(),
    duplicate: z.boolean().describe("it was sent before: this is the first one"),
    ticket: ticketView.optional(),
  })
  .meta({ id: "ReceivedTicket" });
type ReceivedView = z.infer<typeof receivedView>;

/** Deliveries that are known by their Idempotency-Key. */
const KEY_PROVIDER = "http:idem";

export function sendTicketRoute(app: App, deps: HttpDeps): void {
  const limits = { ...USUAL_LIMITS, ...deps.limits };
  app.post(
    "/v1/tickets",
    {
      config: { access: "tickets:write" },
      schema: {
        summary: "Send a message that opens a ticket. The id comes back at once; with `wait=true` the ticket after triage.",
        tags: ["tickets"],
        body: newTicket,
        querystring: z.strictObject({ wait: flag }),
        response: { 200: receivedView, 202: receivedView },
      },
    },
    async (request, reply) => {
      const keyed = keyedRequest(request);
      const caller = callerOf(request);
      const { externalId, sender = caller.handle, ...body } = request.body;
      await requireSender(deps.db, caller, sender);
      const origin =
        externalId !== undefined
          ? { provider: "http", externalId }
          : keyed
            ? { provider: KEY_PROVIDER, externalId: `${caller.id}:${keyed.key}` }
            : { provider: "http" };
      const message: InboundMessage = { ...body, ...origin, sender, surface: faceOf(request) };
      const answer = await performThenKeep<ReceivedView>(deps, keyed, async () => {
        const received = await deps.receive(message).catch((error: unknown) => {
          throw keyed && origin.provider === KEY_PROVIDER && error instanceof LoopError && error.code === "delivery_conflict"
            ? keyReused(keyed.key, error)
            : error;
        });
        const { ticketId: id, number, runId, kind } = received;
        const view = { id, number, runId, duplicate: kind === "duplicate" };
        const ticket = request.query.wait ? await triaged(deps, limits, { id, reply }) : undefined;
        return ticket ? { status: 200, body: { ...view, ticket } } : ({ status: 202, body: view } satisfies Answer<ReceivedView>);
      });
      return send(reply, answer);
    },
  );
}

/** Nobody speaks in the name of another principal, except those who may do everything: trust goes by the sender. @throws LoopError permission_missing */
async function requireSender(db: Db, caller: Caller, sender: string): Promise<void> {
  if (sender === caller.handle || may(caller, "tokens:manage")) return;
  const named = (await principalByHandle(db, sender)) ?? (await findByIdentity(db, "http", sender)) ?? (await findByIdentity(db, "cli", sender));
  if (!named || named.id === caller.id) return;
  throw new LoopError("permission_missing", `${caller.handle} may not send in the name of ${sender}. Leave the sender out, or name somebody outside.`, {
    facts: { handle: caller.handle },
  });
}

/** The ticket once it is understood; undefined when that takes too long or nobody waits any more. */
async function triaged(
  { db }: HttpDeps,
  { waitMs, waitPollMs }: HttpLimits,
  of: { readonly id: string; readonly reply: FastifyReply },
): Promise<TicketView | undefined> {
  for (let waitedMs = 0; waitedMs <= waitMs && !of.reply.raw.destroyed; waitedMs += waitPollMs) {
    const ticket = await requireTicket(db, of.id);
    if (ticket.status !== "new") return viewTicket(ticket);
    await new Promise((resolve) => setTimeout(resolve, waitPollMs));
  }
  return undefined;
}
