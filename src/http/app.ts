import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { LoopError } from "#src/kernel/errors.ts";
import type { Permission } from "#src/people/permission.ts";
import type { Caller } from "#src/people/principal.ts";
import type { Service, Workspace } from "#src/workspace/model.ts";
import type { Feed } from "./feed.ts";
import type { LiveStreams } from "./live-stream.ts";
import type { Revocations } from "./revoked.ts";

/** What a caller needs for a route. `public`: nothing at all; `credential`: any token that counts. */
export type Access = Permission | "credential" | "public";

/** One route as it was registered. */
export interface RouteRow {
  readonly method: string;
  /** With `:id` for parameters. */
  readonly url: string;
  readonly access: Access;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** A route without it does not start. */
    readonly access?: Access;
    /** It needs the workspace in force, which is then looked up together with the credential. */
    readonly needsWorkspace?: boolean;
  }
  interface FastifyRequest {
    /** Null on public routes only. */
    caller: Caller | null;
    /** The applied service that is called; null on every other request. */
    service: Service | null;
    /** What was in force when the request came, where that was looked up to find the service. */
    inForce: { readonly revision: number; readonly workspace: Workspace } | null;
  }
  interface FastifyInstance {
    /** Every route, in the order of registration. */
    readonly routeTable: RouteRow[];
    readonly feed: Feed;
    readonly live: LiveStreams;
    readonly revocations: Revocations;
    /** Whether any token counts now. */
    readonly tokenExists: () => Promise<boolean>;
  }
}

export type App = FastifyInstance<RawServerDefault, RawRequestDefaultExpression, RawReplyDefaultExpression, FastifyBaseLogger, ZodTypeProvider>;
export type Reply = FastifyReply;

/** Who asks, on a route that needs a credential. @throws LoopError credential_invalid on one that does not */
export function callerOf(request: Pick<FastifyRequest, "caller">): Caller {
  if (request.caller) return request.caller;
  throw new LoopError("credential_invalid", "This needs a token.");
}

/** Which face sent the request, where it says so: it is shown beside an answer and decides nothing. */
export function faceOf(request: Pick<FastifyRequest, "headers">): "cli" | "http" {
  return request.headers["loop-face"] === "cli" ? "cli" : "http";
}
