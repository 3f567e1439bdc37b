import { z } from "zod";
import { answerAsk, editAsk, overrideAnswer } from "#src/asks/answer.ts";
import { asksOfTicket, closedAsks, openAsks, requireAsk } from "#src/asks/store/read.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { storableJson } from "#src/kernel/storable-json.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { type App, callerOf, faceOf } from "./app.ts";
import { answeredView, answerReply, askView, lostView, viewAsk } from "./ask-view.ts";
import type { HttpDeps } from "./deps.ts";
import { idOf } from "./ids.ts";
import { performOnce, send } from "./once.ts";
import { idParams, limit, text } from "./query.ts";

const answer = text(20_000).min(1, "expected an answer");
const reason = text(2_000);

export function askRoutes(app: App, { db }: HttpDeps): void {
  app.get(
    "/v1/asks",
    {
      config: { access: "read" },
      schema: {
        summary: "What needs a person, oldest first; with `state=closed` what was settled, newest last.",
        tags: ["asks"],
        querystring: z.strictObject({ state: z.enum(["open", "closed"]).default("open"), ticket: z.string().optional(), limit: limit(200, 1_000) }),
        response: { 200: z.object({ asks: z.array(askView) }) },
      },
    },
    async (request) => {
      const { state, ticket, limit: most } = request.query;
      const found =
        ticket === undefined
          ? await (state === "open" ? openAsks(db) : closedAsks(db, most))
          : await asksOfTicket(db, (await requireTicket(db, idOf("ticket", ticket))).id);
      const asks = found.filter((ask) => (ask.state === "open") === (state === "open"));
      return { asks: (state === "open" ? asks.slice(0, most) : asks.slice(-most)).map((ask) => viewAsk(ask, callerOf(request))) };
    },
  );
  app.get(
    "/v1/asks/:id",
    { config: { access: "read" }, schema: { summary: "One ask, with everybody's decisions.", tags: ["asks"], params: idParams, response: { 200: askView } } },
    async (request) => viewAsk(await requireAsk(db, idOf("ask", request.params.id)), callerOf(request)),
  );
}

export function answerRoutes(app: App, deps: HttpDeps): void {
  app.post(
    "/v1/asks/:id/answer",
    {
      config: { access: "asks:answer" },
      schema: {
        summary: "Answer an ask. 409 with who was first when somebody else settled it before.",
        tags: ["asks"],
        params: idParams,
        body: z.strictObject({ answer, reason: reason.optional() }),
        response: { 200: answeredView, 409: lostView },
      },
    },
    async (request, reply) => {
      const askId = idOf("ask", request.params.id);
      const person = callerOf(request);
      const { answer: said, reason: why } = request.body;
      const given = { askId, person, answer: said, face: faceOf(request), ...(why === undefined ? {} : { reason: why }) };
      return send(reply, await performOnce(deps, request, async (db) => answerReply(await answerAsk(db, deps.clock, given), person)));
    },
  );
  app.post(
    "/v1/asks/:id/edit",
    {
      config: { access: "asks:answer" },
      schema: {
        summary: "Have an act done with other arguments: it is planned anew, and asked about anew where policy asks.",
        tags: ["asks"],
        params: idParams,
        body: z.strictObject({ args: z.record(z.string(), z.unknown()).describe("all arguments, as they should be"), reason: reason.optional() }),
        response: { 200: askView },
      },
    },
    async (request, reply) => {
      const askId = idOf("ask", request.params.id);
      const person = callerOf(request);
      const { args, reason: why } = request.body;
      const given = { askId, person, args: storableJson(args as Json), face: faceOf(request), ...(why === undefined ? {} : { reason: why }) };
      return send(reply, await performOnce(deps, request, async (db) => ({ status: 200, body: viewAsk(await editAsk(db, deps.clock, given), person) })));
    },
  );
}

export function overrideRoute(app: App, deps: HttpDeps): void {
  app.post(
    "/v1/asks/:id/override",
    {
      config: { access: "asks:override" },
      schema: {
        summary: "A new decision over a settled or expired ask, by an owner or admin. What was done stays done.",
        tags: ["asks"],
        params: idParams,
        body: z.strictObject({ answer, reason: reason.refine((words) => words.trim() !== "", "expected why") }),
        response: { 200: askView },
      },
    },
    async (request, reply) => {
      const askId = idOf("ask", request.params.id);
      const person = callerOf(request);
      const given = { askId, person, ...request.body, face: faceOf(request) };
      return send(reply, await performOnce(deps, request, async (db) => ({ status: 200, body: viewAsk(await overrideAnswer(db, deps.clock, given), person) })));
    },
  );
}
