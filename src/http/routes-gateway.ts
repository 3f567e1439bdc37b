import { once } from "node:events";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Gateway } from "#src/gateway/gateway.ts";
import type { GatewayPath } from "#src/gateway/request.ts";
import type { GatewayAnswer } from "#src/gateway/terms.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { Log } from "#src/kernel/log.ts";
import { labels as labelsSchema } from "#src/workspace/manifest/common.ts";
import { type App, callerOf } from "./app.ts";
import { BODY_LIMIT_BYTES, readJson } from "./body.ts";
import type { HttpDeps } from "./deps.ts";
import { logFailure, namedError } from "./failures.ts";
import { PROBLEM_TYPE, problemOf } from "./problem.ts";

const LABEL_HEADER = "loop-label-";
/** Said by the token, never by a client. */
const OWN_LABELS: ReadonlySet<string> = new Set(["caller", "purpose"]);

/**
 * Models for clients that speak as OpenAI's do. Bodies go through as they are, so these routes have no schema of their own; failures carry our problem and,
 * under `error`, the shape that such clients read. Budgets are what bounds their rate.
 */
export function gatewayRoutes(app: App, deps: HttpDeps): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("application/json", { parseAs: "buffer", bodyLimit: BODY_LIMIT_BYTES }, async (request: FastifyRequest, bytes: Buffer) => ({
      body: readJson(request.headers["content-type"] ?? "", bytes),
      sizeBytes: bytes.byteLength,
    }));
    scope.setErrorHandler((error: FastifyError, request, reply) => refuse(namedError(error), { error, log: deps.log, request, reply }));
    scope.get(
      "/v1/models",
      {
        config: { access: "credential" },
        schema: { summary: "The models of the gateway, as OpenAI lists them.", tags: ["gateway"], response: { 200: modelList } },
      },
      async (request) => {
        const offers = await gatewayOf(deps).models(callerOf(request));
        return {
          object: "list" as const,
          data: offers.map(({ name, model }) => ({ id: name, object: "model" as const, created: 0, owned_by: model.slice(0, model.indexOf(":")) })),
        };
      },
    );
    for (const [path, summary] of PATHS) {
      scope.post(
        `/v1/${path}`,
        { config: { access: "credential", rateLimit: false, needsWorkspace: true }, schema: { summary, tags: ["gateway"], response: { 200: z.unknown() } } },
        (request, reply) => call(deps, path, { request, reply }),
      );
    }
  });
}

const modelList = z.object({
  object: z.literal("list"),
  data: z.array(z.object({ id: z.string(), object: z.literal("model"), created: z.int(), owned_by: z.string() })),
});

const PATHS: readonly (readonly [GatewayPath, string])[] = [
  ["chat/completions", "A chat completion as OpenAI has it, whole or streamed, under budget and policy. Labels come in headers `loop-label-<key>`."],
  ["embeddings", "Embeddings as OpenAI has them, under budget and policy."],
];

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

function gatewayOf({ gateway }: HttpDeps): Gateway {
  if (gateway) return gateway;
  throw new LoopError("route_unknown", "There is no gateway on this server.");
}

async function call(deps: HttpDeps, path: GatewayPath, { request, reply }: Exchange): Promise<FastifyReply> {
  const { body, sizeBytes } = (request.body ?? {}) as { body?: unknown; sizeBytes?: number };
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw new LoopError("call_refused", "The body must be one JSON object.");
  const gone = new AbortController();
  reply.raw.once("close", () => reply.raw.writableFinished || gone.abort());
  const answer = await gatewayOf(deps).call({
    caller: callerOf(request),
    path,
    body: body as Record<string, unknown>,
    sizeBytes: sizeBytes ?? 0,
    labels: labelsOf(request),
    signal: gone.signal,
    workspace: request.inForce!.workspace,
  });
  reply.hijack();
  const release = request.server.revocations.watch({ tokenId: callerOf(request).tokenId, needs: "credential", end: () => reply.raw.destroy() });
  await sendAnswer(reply, answer).finally(release);
  return reply;
}

function labelsOf({ headers }: Pick<FastifyRequest, "headers">): Record<string, string> {
  const given = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(LABEL_HEADER) ? [[name.slice(LABEL_HEADER.length).replaceAll("-", "_"), String(value)] as const] : [],
  );
  const twice = given.find(([key], index) => given.findIndex(([other]) => other === key) !== index);
  if (twice)
    throw new LoopError("call_refused", `The label ${twice[0]} is said by two headers: - and _ are the same in them. Send one.`, {
      facts: { label: twice[0] },
    });
  const own = given.find(([key]) => OWN_LABELS.has(key));
  if (own)
    throw new LoopError("call_refused", `The label ${own[0]} is said by the token. Leave the header ${LABEL_HEADER}${own[0]} out.`, {
      facts: { label: own[0] },
    });
  const read = labelsSchema.safeParse(Object.fromEntries(given));
  if (read.success) return read.data;
  throw new LoopError("call_refused", `A header ${LABEL_HEADER}… cannot be taken: ${z.prettifyError(read.error)}`);
}

/** Past the serializer and the compression: the bytes are the provider's. A reader that is slow holds back what is read of the provider. */
async function sendAnswer(reply: FastifyReply, answer: GatewayAnswer): Promise<void> {
  const { raw } = reply;
  const headers = { ...(reply.getHeaders() as Record<string, string>), "content-type": answer.contentType };
  if (answer.kind === "whole") {
    raw.writeHead(200, { ...headers, "content-length": answer.bytes.byteLength });
    raw.end(answer.bytes);
    return;
  }
  raw.writeHead(200, { ...headers, "cache-control": "no-store", "x-accel-buffering": "no" });
  raw.flushHeaders();
  for await (const piece of answer.pieces) {
    if (raw.destroyed) break;
    if (!raw.write(piece)) await Promise.race([once(raw, "drain"), once(raw, "close")]);
  }
  raw.end();
}

/** How OpenAI's own clients know kinds of failures. */
const TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  402: "insufficient_quota",
  403: "permission_error",
  404: "invalid_request_error",
  429: "rate_limit_error",
};

function refuse(named: LoopError, failing: Exchange & { readonly error: unknown; readonly log: Log }): FastifyReply {
  const { request, reply } = failing;
  logFailure(named, { ...failing, request });
  const after = named.facts["retryAfterSeconds"];
  if (named.retry === "later") void reply.header("retry-after", String(after ?? 1));
  void reply.header("x-should-retry", named.retry === "later" ? "true" : "false");
  const error = { message: named.message, type: TYPES[named.httpStatus] ?? "server_error", param: named.facts["param"] ?? null, code: named.code };
  return reply
    .code(named.httpStatus)
    .header("content-type", PROBLEM_TYPE)
    .serializer(String)
    .send(JSON.stringify({ ...problemOf(named), error }));
}
