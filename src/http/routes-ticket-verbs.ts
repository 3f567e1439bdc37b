import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { answerAsk } from "#src/asks/answer.ts";
import type { Ask } from "#src/asks/ask.ts";
import { asksOfTicket } from "#src/asks/store/read.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { cancelTicket } from "#src/runs/cancel-ticket.ts";
import { DONE, RESOLUTION } from "#src/runs/desk/resolution.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { isClosed, type Ticket } from "#src/tickets/ticket.ts";
import { type App, callerOf, faceOf } from "./app.ts";
import { answeredView, answerReply, type AnswerReply, lostView } from "./ask-view.ts";
import { type HttpDeps, USUAL_LIMITS } from "./deps.ts";
import { idOf } from "./ids.ts";
import { type Answer, performOnce, send } from "./once.ts";
import { idParams, text } from "./query.ts";
import { ticketView, viewTicket } from "./ticket-view.ts";

const reason = text(2_000);
const mayGiveReason = z.strictObject({ reason: reason.optional() }).prefault({});

/** Answers that stand for an ask of the ticket: the same as answering it by its id. */
const VERBS = [
  {
    verb: "resolve",
    purpose: RESOLUTION,
    answer: DONE,
    summary: "Say that the work on this ticket is done. Where a check is declared, it is run; this word alone resolves nothing then.",
  },
  { verb: "acknowledge", purpose: "acknowledgement", answer: undefined, summary: "Say that the dispatch of this ticket was received." },
] as const;

export function ticketVerbRoutes(app: App, deps: HttpDeps): void {
  for (const { verb, purpose, answer, summary } of VERBS) {
    app.post(
      `/v1/tickets/:id/${verb}`,
      {
        config: { access: "asks:answer" },
        schema: { summary, tags: ["tickets"], params: idParams, body: mayGiveReason, response: { 200: answeredView, 409: lostView } },
      },
      async (request, reply) => send(reply, await answerFor(deps, request, { ...request.params, ...request.body, purpose, answer })),
    );
  }
  app.post(
    "/v1/tickets/:id/cancel",
    {
      config: { access: "tickets:write" },
      schema: {
        summary: "Give the ticket up: its open runs are cancelled, and so is the ticket. What was done stays done.",
        tags: ["tickets"],
        params: idParams,
        body: z.strictObject({ reason: reason.refine((words) => words.trim() !== "", "expected why") }),
        response: { 200: ticketView },
      },
    },
    async (request, reply) => {
      const ticketId = idOf("ticket", request.params.id);
      const answer = await performOnce(deps, request, async (db) => {
        const ticket = await cancelTicket(db, deps.clock, { ticketId, by: callerOf(request), reason: request.body.reason });
        return { status: 200, body: viewTicket(ticket) };
      });
      return send(reply, answer);
    },
  );
}

interface Wanted {
  readonly id: string;
  readonly reason?: string | undefined;
  readonly purpose: string;
  /** Undefined: the only option of the ask. */
  readonly answer: string | undefined;
}

async function answerFor(deps: HttpDeps, request: FastifyRequest, wanted: Wanted): Promise<Answer<AnswerReply>> {
  const caller = callerOf(request);
  const ticketId = idOf("ticket", wanted.id);
  await whileMoving(deps, ticketId);
  return performOnce(deps, request, async (db) => {
    const ticket = await requireTicket(db, ticketId);
    const asks = await asksOfTicket(db, ticket.id);
    const ask = asks.findLast(({ purpose, state }) => purpose === wanted.purpose && state === "open");
    if (!ask) throw nothingToAnswer(ticket, asks, wanted.purpose);
    const answer = wanted.answer ?? ask.options[0] ?? "acknowledged";
    const given = { askId: ask.id, person: caller, answer, face: faceOf(request), ...(wanted.reason === undefined ? {} : { reason: wanted.reason }) };
    return answerReply(await answerAsk(db, deps.clock, given), caller);
  });
}

/** Right after one answer the next question is not open yet. */
async function whileMoving({ db, limits }: HttpDeps, ticketId: string): Promise<void> {
  const { settleMs, waitPollMs } = { ...USUAL_LIMITS, ...limits };
  for (let waitedMs = 0; waitedMs < settleMs; waitedMs += waitPollMs) {
    const ticket = await requireTicket(db, ticketId);
    if (isClosed(ticket.status) || (await asksOfTicket(db, ticket.id)).some(({ state }) => state === "open")) return;
    await sleep(waitPollMs);
  }
}

function nothingToAnswer(ticket: Ticket, asks: readonly Ask[], purpose: string): LoopError {
  const waits = asks.find(({ state }) => state === "open");
  const closed = isClosed(ticket.status);
  const hint = closed
    ? "It is closed."
    : waits
      ? `It waits for an answer to ${waits.id} (${waits.purpose}) first.`
      : "It is being worked on; look again in a moment.";
  return new LoopError("ticket_not_open", `Ticket #${ticket.number} is ${ticket.status} and has no open question of the kind ${purpose}. ${hint}`, {
    facts: { ticket: ticket.id, status: ticket.status, purpose, waitsFor: waits?.id ?? null },
  });
}
