import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { readCallbackAddress } from "#src/connections/callback-address.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { requirePermission } from "#src/people/permission.ts";
import { createRunWatch } from "#src/runs/watch.ts";
import { InputError } from "#src/services/body.ts";
import { takeCall } from "#src/services/call.ts";
import { callDelivered, endOfCall } from "#src/services/end.ts";
import { resultOf } from "#src/services/result.ts";
import type { Service } from "#src/workspace/model.ts";
import { type App, callerOf } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { idOf } from "./ids.ts";
import { keyedRequest } from "./once.ts";
import { bodyOf, sendResult, type Settling, waitFor } from "./service-answer.ts";
import { streamCall } from "./service-stream.ts";

/** Answers calls of applied services, under `/v1/services/<name>` and under the path that each may have. */
export interface ServiceFace {
  readonly answer: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;
}

const MINUTE_MS = 60_000;

/** Calls of one token to one service within a minute, in this process. */
function callCounter(): (service: Service, tokenId: string) => void {
  const windows = new Map<string, { startedMs: number; count: number }>();
  return ({ name, limits }, tokenId) => {
    const key = `${name} ${tokenId}`;
    const nowMs = performance.now();
    const known = windows.get(key);
    const window = known && nowMs - known.startedMs < MINUTE_MS ? known : { startedMs: nowMs, count: 0 };
    window.count += 1;
    windows.delete(key);
    windows.set(key, window);
    if (windows.size > 10_000) windows.delete(windows.keys().next().value!);
    if (window.count <= limits.callsPerMinute) return;
    const seconds = Math.ceil((window.startedMs + MINUTE_MS - nowMs) / 1_000);
    throw Object.assign(new LoopError("rate_exceeded", `More than ${limits.callsPerMinute} calls of ${name} a minute. Go on in ${seconds} seconds.`), {
      seconds,
    });
  };
}

export function serviceFace(deps: HttpDeps): ServiceFace {
  const watch = deps.watch ?? createRunWatch({ db: deps.db });
  const count = callCounter();
  return {
    async answer(request, reply) {
      const service = request.service!;
      const caller = callerOf(request);
      requirePermission(caller, "services:call");
      countCall(count, { service, tokenId: caller.tokenId, reply });
      requireCallbackAddress(service, request.body);
      const { revision, workspace } = request.inForce ?? (await deps.workspaces.current());
      const place = { clock: deps.clock, revision, workspace, tiers: deps.tiers(workspace), seat: deps.seat };
      const called = await takeCall(deps.db, place, { service, body: request.body, caller, key: keyedRequest(request)?.key });
      deps.changed?.(called.isHere ? "record" : "work"); // what moves here already is nobody else's to do
      return settle({ deps, watch, service, called, request, reply });
    },
  };
}

/** An address that nothing would ever be sent to is refused while somebody is there to hear it. What else is wrong with it is said with the other members. */
function requireCallbackAddress({ callbackHosts, callbackSecret }: Service, body: unknown): void {
  const url = typeof body === "object" && body !== null && "callback_url" in body ? body.callback_url : undefined;
  if (typeof url !== "string" || !URL.canParse(url) || callbackSecret === undefined) return;
  const address = readCallbackAddress(url, callbackHosts);
  if (!address.ok) throw new InputError([{ loc: ["body", "callback_url"], msg: `the address ${address.why}`, type: "value_error" }]);
}

function countCall(count: ReturnType<typeof callCounter>, { service, tokenId, reply }: { service: Service; tokenId: string; reply: FastifyReply }): void {
  try {
    count(service, tokenId);
  } catch (error) {
    if (error instanceof LoopError && "seconds" in error) void reply.header("retry-after", String(error.seconds));
    throw error;
  }
}

/** Waits up to the time limit of the service, streams, or says at once that the result will be sent. */
async function settle(settling: Settling): Promise<unknown> {
  const { deps, service, called, request, reply } = settling;
  const { call, input } = called;
  void reply.header("loop-run-id", call.runId ?? "").header("loop-session-id", call.sessionId ?? "");
  if (input.callbackUrl !== undefined) return reply.code(202).send({ state: "accepted", id: call.id, run_id: call.runId, session_id: call.sessionId });
  if (input.stream) return streamCall(settling);
  const run = await waitFor(settling, service.limits.timeout);
  const result = resultOf(service, run);
  if (run) void reply.header("loop-run-id", run.id);
  if (result.state === "done") await callDelivered(deps.db, call, run!.id);
  return sendResult(reply, result, { bare: request.is404, runId: run?.id ?? call.runId, sessionId: call.sessionId });
}

const resultView = z
  .object({
    run_id: z.string().nullable(),
    session_id: z.string().nullable(),
    state: z.enum(["done", "failed", "waiting", "working"]),
    output: z.unknown().optional(),
    code: z.string().optional(),
    error: z.string().optional(),
  })
  .meta({ id: "ServiceResult" });

const serviceView = z.object({
  name: z.string(),
  description: z.string(),
  path: z.string().nullable(),
  input: z.unknown().describe("JSON Schema of what comes in"),
  output: z.unknown().describe("JSON Schema of what goes out"),
  conversation: z.boolean(),
});

/** Services by their names. */
export function serviceRoutes(app: App, face: ServiceFace): void {
  app.post(
    "/v1/services/:name",
    {
      config: { access: "services:call" },
      schema: {
        summary: "Call a service. Its own schema says what comes in: GET /v1/services. 504 with the id of the run when it takes too long; the work goes on.",
        tags: ["services"],
        params: z.strictObject({ name: z.string() }),
        body: z.unknown(),
      },
    },
    async (request, reply) => {
      if (!request.service) throw unknown(request.params.name);
      return face.answer(request, reply);
    },
  );
}

/** What services there are, and the result of a call that took longer. */
export function readServiceRoutes(app: App, deps: HttpDeps): void {
  app.get(
    "/v1/services",
    {
      config: { access: "read" },
      schema: {
        summary: "The applied services, with the schemas of what comes in and goes out.",
        tags: ["services"],
        response: { 200: z.object({ services: z.array(serviceView) }) },
      },
    },
    async () => {
      const { workspace } = await deps.workspaces.current();
      return {
        services: workspace.services.map(({ name, description, path, input, output, conversation }) => ({
          name,
          description,
          path: path ?? null,
          input: input ?? null,
          output: output ?? null,
          conversation,
        })),
      };
    },
  );
  app.get(
    "/v1/services/:name/runs/:id",
    {
      config: { access: "services:call" },
      schema: {
        summary: "The result of a call, by its run.",
        tags: ["services"],
        params: z.strictObject({ name: z.string(), id: z.string() }),
        response: { 200: resultView },
      },
    },
    async (request) => {
      const { workspace } = await deps.workspaces.current();
      const service = workspace.services.find(({ name }) => name === request.params.name);
      if (!service) throw unknown(request.params.name);
      const runId = idOf("run", request.params.id);
      const found = await endOfCall(deps.db, { runId, service: service.name, principalId: callerOf(request).id });
      const result = resultOf(service, found);
      if (result.state === "done") await callDelivered(deps.db, {}, runId);
      return bodyOf(result, { bare: false, runId, sessionId: null }) as z.infer<typeof resultView>;
    },
  );
}

const unknown = (name: string): LoopError =>
  new LoopError("service_unknown", `No applied service is called ${name.slice(0, 80)}. GET /v1/services lists those there are.`);
