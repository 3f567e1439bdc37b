import type { FastifyReply, FastifyRequest } from "fastify";
import type { Service } from "#src/workspace/model.ts";
import type { HttpDeps } from "./deps.ts";

const UNDER_NAME = /^\/v1\/services\/([a-z0-9_-]+)$/;

/** The applied service that a request calls, by its name or by the path of its own; null for everything else. */
export async function calledService({ workspaces }: HttpDeps, request: FastifyRequest): Promise<Service | null> {
  if (request.method !== "POST" && request.method !== "OPTIONS") return null;
  const path = request.url.split("?", 1)[0]!;
  const name = UNDER_NAME.exec(path)?.[1];
  if (name === undefined && !request.is404) return null;
  const { workspace } = (request.inForce = await workspaces.current());
  return workspace.services.find((service) => (name === undefined ? service.path === path : service.name === name)) ?? null;
}

/** Pages of the origins that the service names may call it; true where that is so, with the headers that say so. */
export function allowOrigin(request: FastifyRequest, reply: FastifyReply): boolean {
  const { origin } = request.headers;
  if (origin === undefined || !request.service?.origins.includes(origin)) return false;
  void reply.headers({
    "access-control-allow-origin": origin,
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "authorization, content-type, idempotency-key",
    "access-control-expose-headers": "request-id, loop-run-id, loop-session-id, retry-after",
    "access-control-max-age": "600",
    vary: "origin",
  });
  return true;
}
