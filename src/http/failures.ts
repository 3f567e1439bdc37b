import type { Socket } from "node:net";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { isConnectionLoss, isStorageFull } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { Log } from "#src/kernel/log.ts";
import type { App, RouteRow } from "./app.ts";
import { BODY_LIMIT_BYTES } from "./body.ts";
import { sendServiceFailure } from "./service-failures.ts";
import { PROBLEM_TYPE, problemOf } from "./problem.ts";

/** Answers where no route stands, but an applied service has the path. */
type Otherwise = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** Every failure leaves as a problem with a code; what has no name is logged whole and shown as "something broke". */
export function answerFailures(app: App, log: Log, otherwise: Otherwise): void {
  app.setErrorHandler((error: FastifyError, request, reply) => sendFailure(namedError(error), { error, log, request, reply }));
  app.setNotFoundHandler(async (request, reply) => {
    if (request.service) return otherwise(request, reply);
    throw notFound(app.routeTable, request);
  });
}

interface Failing {
  readonly error: unknown;
  readonly log: Log;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

function sendFailure(named: LoopError, failing: Failing): FastifyReply {
  const { request, reply } = failing;
  logFailure(named, failing);
  if (named.retry === "later" && !reply.hasHeader("retry-after")) void reply.header("retry-after", "1");
  if (request.service) return sendServiceFailure(named, reply);
  return reply
    .code(named.httpStatus)
    .header("content-type", PROBLEM_TYPE)
    .serializer(String)
    .send(JSON.stringify(problemOf(named)));
}

/** Bugs whole, what failed on our side as a warning, the rest not at all. */
export function logFailure(named: LoopError, { error, log, request }: Omit<Failing, "reply">): void {
  const seen = { request: request.id, method: request.method, route: request.routeOptions?.url ?? "none", code: named.code };
  if (named.code === "internal_error") log.error("a request met a bug", { ...seen, error });
  else if (named.httpStatus >= 500) log.warn("a request failed", { ...seen, error });
}

/** What Fastify, Node and Postgres call their failures, in our codes. */
export function namedError(error: unknown): LoopError {
  if (error instanceof LoopError) return error;
  const cause = error;
  const code = (error as { code?: unknown } | null)?.code;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return new LoopError("body_too_large", `The body is larger than ${BODY_LIMIT_BYTES / 1024 / 1024} MB. Send less, or in parts.`, {
      facts: { limitBytes: BODY_LIMIT_BYTES },
      cause,
    });
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE")
    return new LoopError("media_type_unsupported", "Bodies are read as JSON only. Send `Content-Type: application/json`.", { cause });
  if (typeof code === "string" && /^FST_ERR_(CTP_|BAD_URL|MAX_PARAM|ROUTE_)/.test(code))
    return new LoopError("request_malformed", "The request cannot be read: its target, length or headers are not as HTTP has them.", { cause });
  if (isConnectionLoss(error))
    return new LoopError("database_unavailable", "The database did not answer. Try again in a moment; if it stays so, see `loop doctor`.", { cause });
  if (isStorageFull(error)) return new LoopError("storage_full", "The database cannot write: its disk is full. Free space; work goes on by itself.", { cause });
  return new LoopError("internal_error", "Something broke. It was logged with the id that stands in the header request-id.", { cause });
}

function notFound(table: readonly RouteRow[], request: FastifyRequest): LoopError {
  const path = request.url.split("?", 1)[0]!;
  const methods = table.filter(({ url }) => matches(url, path)).map(({ method }) => method);
  if (methods.length === 0) return new LoopError("route_unknown", "There is nothing at this address. /openapi.json lists what there is.");
  const allowed = [...new Set(methods)].toSorted().join(", ");
  return new LoopError("method_not_allowed", `${request.method} is not possible here. Possible: ${allowed}.`, { facts: { allowed } });
}

function matches(pattern: string, path: string): boolean {
  if (pattern.includes("*")) return false;
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  return wanted.length === given.length && wanted.every((part, index) => (part.startsWith(":") ? given[index] !== "" : part === given[index]));
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [status: string, detail: string]>> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "The headers are larger than 16 KB. Send fewer or shorter ones."],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "The request did not arrive in time. Send it again."],
};
const UNREADABLE = ["400 Bad Request", "This is not a request that HTTP allows."] as const;

/** For what is no request at all: there is no route, no hook and no reply object yet. */
export function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const [line, detail] = CLIENT_ERRORS[error.code ?? ""] ?? UNREADABLE;
  const body = JSON.stringify({ ...problemOf(new LoopError("request_malformed", detail)), status: Number(line.slice(0, 3)) });
  socket.end(
    `HTTP/1.1 ${line}\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n${body}`,
  );
}
