import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { awaitTurn, delivered } from "#src/intake/await-answer.ts";
import { openThread } from "#src/intake/open-thread.ts";
import { trustIn } from "#src/intake/receive.ts";
import { inTransaction } from "#src/database/open.ts";
import { asksOfRun } from "#src/asks/store/read.ts";
import { createRunWatch, type RunWatch } from "#src/runs/watch.ts";
import { RUN_MOVES, type RunStatus } from "#src/runs/run.ts";
import { listThreadMessages, listThreads, requireThread } from "#src/tickets/read-threads.ts";
import { labels } from "#src/workspace/manifest/common.ts";
import { type App, callerOf, faceOf } from "./app.ts";
import { askView, viewAsk } from "./ask-view.ts";
import { type HttpDeps, USUAL_LIMITS } from "./deps.ts";
import { idOf } from "./ids.ts";
import { incomingFiles } from "./incoming-files.ts";
import { type Answer, keyedRequest, performOnce, performThenKeep, send } from "./once.ts";
import { flag, idParams, limit, text, wholeNumber } from "./query.ts";
import { threadMessageView, threadView, viewThread, viewThreadMessage } from "./thread-view.ts";

const newThread = z
  .strictObject({
    agent: text(64).optional().describe("left out: it is routed as messages are"),
    externalId: text(256).min(1).optional().describe("the same id twice is one thread"),
    labels: labels.default({}),
  })
  .meta({ id: "NewThread" });

const threadDetail = threadView.extend({ messages: z.array(threadMessageView) }).meta({ id: "ThreadDetail" });

/** Opening a conversation. */
export function threadRoutes(app: App, deps: HttpDeps): void {
  app.post(
    "/v1/threads",
    {
      config: { access: "tickets:write" },
      schema: { summary: "Open a conversation with an agent.", tags: ["threads"], body: newThread, response: { 200: threadView, 201: threadView } },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { workspace } = await deps.workspaces.current();
      const answer = await performOnce(deps, request, async (joined) => {
        const by = { surface: faceOf(request), channel: caller.handle, by: caller };
        const { thread, opened } = await inTransaction(joined, (tx) => openThread(tx, { clock: deps.clock, workspace }, { ...request.body, ...by }));
        return { status: opened ? 201 : 200, body: viewThread(thread) };
      });
      return send(reply, answer);
    },
  );
}

/** Reading conversations. */
export function readThreadRoutes(app: App, { db }: HttpDeps): void {
  app.get(
    "/v1/threads",
    {
      config: { access: "read" },
      schema: {
        summary: "Conversations, newest first.",
        tags: ["threads"],
        querystring: z.strictObject({ limit: limit(50, 500) }),
        response: { 200: z.object({ threads: z.array(threadView) }) },
      },
    },
    async ({ query }) => ({ threads: (await listThreads(db, query.limit)).map(viewThread) }),
  );
  app.get(
    "/v1/threads/:id",
    {
      config: { access: "read" },
      schema: {
        summary: "One conversation with its newest messages, oldest of them first. Answers that its opener reads here count as delivered.",
        tags: ["threads"],
        params: idParams,
        querystring: z.strictObject({ limit: limit(100, 500), before: wholeNumber(1, 999_999_999_999_999).optional() }),
        response: { 200: threadDetail },
      },
    },
    async (request) => {
      const thread = await requireThread(db, idOf("thread", request.params.id));
      const messages = await listThreadMessages(db, { threadId: thread.id, ...request.query });
      const read = messages.filter(({ role, deliveredAtMs }) => role === "agent" && deliveredAtMs === null).map(({ id }) => id);
      if (thread.openedBy === callerOf(request).id) await delivered(db, read);
      return { ...viewThread(thread), messages: messages.map(viewThreadMessage) };
    },
  );
}

const newMessage = z
  .strictObject({
    text: text(100_000).refine((words) => words.trim() !== "", "expected some text"),
    externalId: text(256).min(1).optional().describe("the same id twice in a thread is one message"),
    files: incomingFiles.default([]),
  })
  .meta({ id: "NewThreadMessage" });

const receivedTurn = z
  .object({
    kind: z.enum(["created", "steered", "waiting", "duplicate"]).describe("steered: it goes into the run that is open"),
    messageId: z.string(),
    threadId: z.string(),
    runId: z.string().nullable(),
    run: z
      .object({ id: z.string(), state: z.enum(Object.keys(RUN_MOVES) as [RunStatus, ...RunStatus[]]), reason: z.string().nullable() })
      .optional()
      .describe("with wait=true: how the run that took it stands"),
    answer: threadMessageView.optional(),
    asks: z.array(askView).optional().describe("what the run waits for"),
  })
  .meta({ id: "ReceivedTurn" });
type ReceivedTurnView = z.infer<typeof receivedTurn>;

/** Saying something in a conversation. */
export function threadMessageRoutes(app: App, deps: HttpDeps): void {
  const { waitMs } = { ...USUAL_LIMITS, ...deps.limits };
  const watch = deps.watch ?? createRunWatch({ db: deps.db });
  app.post(
    "/v1/threads/:id/messages",
    {
      config: { access: "tickets:write" },
      schema: {
        summary: "Say something. While a run of the thread is open it goes into that run, else it begins a turn; with `wait=true` the answer.",
        tags: ["threads"],
        params: idParams,
        querystring: z.strictObject({ wait: flag }),
        body: newMessage,
        response: { 200: receivedTurn, 202: receivedTurn },
      },
    },
    async (request, reply) => send(reply, await speak(deps, request, { watch, waitMs })),
  );
}

type SpeakRequest = FastifyRequest & {
  readonly params: { readonly id: string };
  readonly query: { readonly wait: boolean };
  readonly body: z.infer<typeof newMessage>;
};

async function speak(
  deps: HttpDeps,
  request: SpeakRequest,
  { watch, waitMs }: { readonly watch: RunWatch; readonly waitMs: number },
): Promise<Answer<ReceivedTurnView>> {
  const { db } = deps;
  const keyed = keyedRequest(request);
  const caller = callerOf(request);
  const { text: said, files, externalId = keyed && `idem:${caller.id}:${keyed.key}` } = request.body;
  const thread = await requireThread(db, idOf("thread", request.params.id));
  return performThenKeep<ReceivedTurnView>(deps, keyed, async () => {
    const received = await deps.receiveTurn({ threadId: thread.id, text: said, author: caller, trust: trustIn(caller), files, externalId });
    const view = { ...received, threadId: thread.id };
    if (!request.query.wait) return { status: 202, body: view };
    const { run, answer } = await awaitTurn(db, watch, { messageId: received.messageId, timeoutMs: waitMs, signal: request.signal });
    if (!run) return { status: 202, body: view };
    if (answer) await delivered(db, [answer.id]);
    const asks = (await asksOfRun(db, run.id)).filter(({ state }) => state === "open");
    const body = { ...view, runId: run.id, run, ...(answer ? { answer: viewThreadMessage(answer) } : {}), asks: asks.map((ask) => viewAsk(ask, caller)) };
    return { status: 200, body };
  });
}
