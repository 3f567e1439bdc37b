import type { IncomingMessage } from "node:http";
import type { FastifyRequest } from "fastify";
import { LoopError } from "#src/kernel/errors.ts";
import { requirePermission } from "#src/people/permission.ts";
import type { Caller } from "#src/people/principal.ts";
import { createRefusals } from "#src/people/refusals.ts";
import { createAuthenticator } from "#src/people/token.ts";
import type { App } from "./app.ts";
import { allowOrigin, calledService } from "./called-service.ts";
import type { HttpAddress, HttpDeps } from "./deps.ts";

/** What a browser is asked for the documentation only, where it cannot send a header of ours: any name, and a token as the password. */
const BROWSER_ROUTES = /^\/(docs|openapi\.json)(\/|$)/;

/**
 * What every request passes, in this order: it is plain, it is meant for this server, it has a credential, the credential allows it. Nothing of it depends
 * on where the request came from: loopback is not an identity.
 */
export function guard(app: App, deps: HttpDeps): void {
  const hosts = knownHosts(deps.address);
  const authenticate = createAuthenticator(deps.db);
  const journalRefusal = createRefusals(deps.db, deps.clock);
  app.decorateRequest("caller", null);
  app.decorateRequest("service", null);
  app.decorateRequest("inForce", null);
  app.addHook("onRequest", async (request, reply) => {
    requirePlain(request.raw);
    requireOurHost(request.raw, hosts);
    const inBrowser = !request.is404 && BROWSER_ROUTES.test(request.routeOptions.url ?? "");
    const access = request.is404 ? "credential" : request.routeOptions.config.access;
    const looking = access === "public" ? undefined : callerByHeader(authenticate, request, inBrowser); // both are looked up at once
    const inForce = !request.is404 && request.routeOptions.config.needsWorkspace ? deps.workspaces.current() : null;
    const [service, caller, found] = await Promise.all([calledService(deps, request), looking, inForce]);
    request.service = service;
    request.inForce ??= found;
    const isAllowed = allowOrigin(request, reply);
    if (!isAllowed) requireOurOrigin(request.raw, deps.address);
    if (isAllowed && request.method === "OPTIONS") return reply.code(204).send();
    if (access === "public") return undefined;
    if (!caller) {
      void reply.header("www-authenticate", inBrowser ? 'Basic realm="Loopwright: any name, a token as the password", charset="UTF-8"' : "Bearer");
      throw credentialInvalid();
    }
    request.caller = caller;
    if (access === undefined || access === "credential") return undefined;
    requirePermission(caller, access);
    return undefined;
  });
  app.addHook("onError", async ({ caller, method, routeOptions }, _reply, error) => {
    if (!caller || !(error instanceof LoopError) || error.code !== "permission_missing") return;
    await journalRefusal(caller, { method, route: routeOptions.url ?? "none", needed: textOf(error.facts["needed"]) ?? routeOptions.config.access ?? "none" });
  });
}

const textOf = (fact: unknown): string | undefined => (typeof fact === "string" ? fact : undefined);

/** The same words whatever was wrong with the credential. */
const credentialInvalid = (): LoopError =>
  new LoopError(
    "credential_invalid",
    "This needs a token that counts: send `Authorization: Bearer loop_…`. The first one is in credentials.json in the home of the server.",
  );

type Authenticate = ReturnType<typeof createAuthenticator>;

async function callerByHeader(authenticate: Authenticate, request: FastifyRequest, inBrowser: boolean): Promise<Caller | undefined> {
  const [, scheme = "", value = ""] = /^(Bearer|Basic) +(\S{1,512})$/i.exec(request.headers.authorization ?? "") ?? [];
  if (/^bearer$/i.test(scheme)) return authenticate(value);
  if (!inBrowser || scheme === "") return undefined;
  const pair = Buffer.from(value, "base64").toString("utf8");
  return authenticate(pair.slice(pair.indexOf(":") + 1));
}

/** Headers of which two would let two readers see two requests. */
const SINGLE_HEADERS: ReadonlySet<string> = new Set([
  "host",
  "authorization",
  "origin",
  "content-type",
  "content-length",
  "content-encoding",
  "idempotency-key",
  "last-event-id",
]);

function requirePlain(request: IncomingMessage): void {
  if (!request.url?.startsWith("/")) throw new LoopError("request_malformed", "The target of the request must be a path on this server, such as /v1/tickets.");
  const names = request.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const twice = names.find((name, index) => (SINGLE_HEADERS.has(name) || name.startsWith("loop-")) && names.indexOf(name) !== index);
  if (twice !== undefined) throw new LoopError("request_malformed", `The header ${twice} came more than once. Send it once.`, { facts: { header: twice } });
  const encoding = request.headers["content-encoding"];
  if (encoding === undefined || encoding === "identity") return;
  throw new LoopError("media_type_unsupported", `The body is packed as ${encoding.slice(0, 40)}. Send it as it is: nothing is unpacked here.`);
}

/** Names by which a browser may have been led here on purpose. Anything else in Host is a name that somebody else made point at this machine. */
function knownHosts({ host, publicUrl }: HttpAddress): ReadonlySet<string> {
  const known = ["localhost", "127.0.0.1", "[::1]", host.includes(":") ? `[${host}]` : host.toLowerCase()];
  return new Set(publicUrl === undefined ? known : [...known, new URL(publicUrl).hostname]);
}

function requireOurHost(request: IncomingMessage, hosts: ReadonlySet<string>): void {
  const name = /^([^:[\]]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/i.exec(request.headers.host ?? "")?.[1]?.toLowerCase();
  if (name !== undefined && (hosts.has(name) || name === ownAddress(request))) return;
  const seen = (request.headers.host ?? "").slice(0, 80);
  throw new LoopError(
    "origin_refused",
    `This server is not called "${seen}". Use localhost, or set LOOP_HOST or LOOP_PUBLIC_URL to the name that people use.`,
    { facts: { host: seen } },
  );
}

/** An IP address in Host is no name that could be made to point elsewhere: the one on which the request arrived is ours. */
function ownAddress(request: IncomingMessage): string | undefined {
  const address = request.socket.localAddress?.replace(/^::ffff:/, "");
  return address?.includes(":") ? `[${address}]` : address;
}

function requireOurOrigin(request: IncomingMessage, { publicUrl }: HttpAddress): void {
  const { origin, host } = request.headers;
  if (origin === undefined || origin === publicUrl || origin === `http://${host}` || origin === `https://${host}`) return;
  const seen = origin.slice(0, 80);
  throw new LoopError("origin_refused", `Pages of ${seen} may not use this server. Open its own page, or set LOOP_PUBLIC_URL to the address that people use.`, {
    facts: { origin: seen },
  });
}
