import rateLimit from "@fastify/rate-limit";
import type { FastifyRequest } from "fastify";
import { LoopError } from "#src/kernel/errors.ts";
import type { App } from "./app.ts";
import type { HttpLimits } from "./deps.ts";

const MINUTE_MS = 60_000;
const KEPT_COUNTERS = 10_000;

const reads = (request: Pick<FastifyRequest, "method">): boolean => request.method === "GET" || request.method === "HEAD";

/** Counts per token and route, in this process; without a token per address. A runaway client hurts itself only. */
export function limitRates(app: App, limits: HttpLimits): void {
  app.register(rateLimit, {
    timeWindow: MINUTE_MS,
    cache: KEPT_COUNTERS,
    max: (request) => (reads(request) ? limits.readsPerMinute : limits.writesPerMinute),
    keyGenerator: (request) => `${request.caller?.tokenId ?? request.ip} ${reads(request) ? "GET" : request.method} ${request.routeOptions.url}`,
    errorResponseBuilder: (_request, { max, after }) =>
      new LoopError("rate_exceeded", `More than ${max} such requests a minute. Go on in ${after}.`, { facts: { perMinute: max } }),
  });
}
