import type { FastifyRequest } from "fastify";
import type { LoopVerb } from "#src/pulse/contract/verb.ts";
import { LOOP_VERBS } from "#src/pulse/contract/verbs.ts";
import { type App, callerOf, type Reply } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { keyedRequest, performThenKeep, send } from "./once.ts";

/** The verbs of `loop _` over HTTP: `goal write` is `POST /v1/loop/goal/write`; those that change nothing are a GET. */
export function loopRoutes(app: App, deps: HttpDeps): void {
  const stopping = new AbortController();
  app.addHook("preClose", async () => stopping.abort());
  for (const verb of LOOP_VERBS) addVerb(app, { deps, stopping: stopping.signal }, verb);
}

function addVerb(app: App, { deps, stopping }: { readonly deps: HttpDeps; readonly stopping: AbortSignal }, verb: LoopVerb): void {
  const { access, summary, input, output } = verb;
  const url = `/v1/loop/${verb.name.replaceAll(" ", "/")}`;
  const described = { summary, tags: ["loop"], response: { 200: output } };
  const perform = (request: FastifyRequest, reply: Reply, given: unknown) =>
    verb.perform(deps, { caller: callerOf(request), signal: whenGone(reply, stopping) }, given);
  if (verb.reads) {
    app.get(url, { config: { access }, schema: { ...described, querystring: input } }, async (request, reply) => perform(request, reply, request.query));
    return;
  }
  app.post(url, { config: { access }, schema: { ...described, body: input } }, async (request, reply) =>
    send(reply, await performThenKeep(deps, keyedRequest(request), async () => ({ status: 200, body: await perform(request, reply, request.body) }))),
  );
}

/** Aborted when nobody listens any more, or the server stops: whoever waits asks again, and another server answers. */
function whenGone(reply: Reply, stopping: AbortSignal): AbortSignal {
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort());
  return AbortSignal.any([gone.signal, stopping]);
}
