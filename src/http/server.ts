import { randomUUID } from "node:crypto";
import Fastify, { type FastifyHttpOptions, type RawServerDefault, type RouteOptions } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { LoopError } from "#src/kernel/errors.ts";
import { tokenExists } from "#src/people/store/tokens.ts";
import type { App, RouteRow } from "./app.ts";
import { BODY_LIMIT_BYTES, readOnlyJson } from "./body.ts";
import { type HttpDeps, USUAL_LIMITS } from "./deps.ts";
import { answerFailures, refuseUnreadable } from "./failures.ts";
import { createFeed } from "./feed.ts";
import { guard } from "./gate.ts";
import { setHeaders } from "./headers.ts";
import { PROBLEM_TYPE, problemOf } from "./problem.ts";
import { createLiveStreams } from "./live-stream.ts";
import { limitRates } from "./rate.ts";
import { createRevocations } from "./revoked.ts";
import { answerRoutes, askRoutes, overrideRoute } from "./routes-asks.ts";
import { brainRoutes } from "./routes-brain.ts";
import { budgetRaiseRoute, costRoutes, forecastRoute } from "./routes-costs.ts";
import { describeRoutes, docsRoutes } from "./routes-docs.ts";
import { gatewayRoutes } from "./routes-gateway.ts";
import { healthRoutes } from "./routes-health.ts";
import { journalRoutes } from "./routes-journal.ts";
import { loopRoutes } from "./routes-loop.ts";
import { liveRoutes } from "./routes-live.ts";
import { forgetRoute, memoryRoutes } from "./routes-memories.ts";
import { openLoopApprovalRoutes, openLoopToolRoutes } from "./routes-openloop.ts";
import { openLoopUsageRoutes } from "./routes-openloop-usage.ts";
import { peopleRoutes, revokeRoute, tokenRoutes } from "./routes-people.ts";
import { policyRoutes } from "./routes-policy.ts";
import { precedentRoute, proposalRoutes, proposalVerbRoutes, proposeRuleRoute } from "./routes-proposals.ts";
import { retryRoutes, runRoutes } from "./routes-runs.ts";
import { readThreadRoutes, threadMessageRoutes, threadRoutes } from "./routes-threads.ts";
import { ticketVerbRoutes } from "./routes-ticket-verbs.ts";
import { agentRoutes } from "./routes-agents.ts";
import { revisionRoutes } from "./routes-revisions.ts";
import { schemaRoutes } from "./routes-schemas.ts";
import { applyRoutes, workspaceRoutes } from "./routes-workspace.ts";
import { toolDefinitionRoutes, toolLoginRoutes, toolRoutes } from "./routes-tools.ts";
import { receiptRoute, ticketPartRoutes, ticketRoutes } from "./routes-tickets.ts";
import { usageRoutes } from "./routes-usage.ts";
import { readServiceRoutes, serviceFace, serviceRoutes } from "./routes-services.ts";
import { sendTicketRoute } from "./send-ticket.ts";
import { validatorCompiler } from "./validation.ts";

const ROUTES = [
  healthRoutes,
  sendTicketRoute,
  ticketRoutes,
  ticketPartRoutes,
  receiptRoute,
  ticketVerbRoutes,
  askRoutes,
  answerRoutes,
  overrideRoute,
  runRoutes,
  retryRoutes,
  liveRoutes,
  threadRoutes,
  readThreadRoutes,
  threadMessageRoutes,
  costRoutes,
  usageRoutes,
  budgetRaiseRoute,
  forecastRoute,
  brainRoutes,
  memoryRoutes,
  forgetRoute,
  policyRoutes,
  journalRoutes,
  proposalRoutes,
  proposalVerbRoutes,
  precedentRoute,
  proposeRuleRoute,
  workspaceRoutes,
  applyRoutes,
  revisionRoutes,
  agentRoutes,
  toolRoutes,
  toolDefinitionRoutes,
  schemaRoutes,
  toolLoginRoutes,
  peopleRoutes,
  tokenRoutes,
  revokeRoute,
  gatewayRoutes,
  readServiceRoutes,
  loopRoutes,
  openLoopToolRoutes,
  openLoopApprovalRoutes,
  openLoopUsageRoutes,
  docsRoutes,
];

const OPTIONS: FastifyHttpOptions<RawServerDefault> = {
  logger: false,
  bodyLimit: BODY_LIMIT_BYTES,
  genReqId: () => randomUUID(),
  requestTimeout: 60_000, // for the whole of a request to arrive
  keepAliveTimeout: 30_000,
  http: { headersTimeout: 15_000, maxHeaderSize: 16 * 1024, connectionsCheckingInterval: 5_000 },
  routerOptions: { maxParamLength: 500 },
  clientErrorHandler: refuseUnreadable,
  frameworkErrors: (_error, _request, reply) => {
    const body = JSON.stringify(
      problemOf(new LoopError("request_malformed", "The target of the request cannot be read: it is too long or not encoded as URLs are.")),
    );
    reply.raw.writeHead(400, { "content-type": PROBLEM_TYPE, "x-content-type-options": "nosniff" }).end(body);
  },
};

/** The HTTP face, not yet listening. Closing it ends open feeds and lets requests finish. */
export function createHttpServer(deps: HttpDeps): App {
  const limits = { ...USUAL_LIMITS, ...deps.limits };
  const { trustedProxies, publicUrl } = deps.address;
  const app: App = Fastify({ ...OPTIONS, trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false }).withTypeProvider<ZodTypeProvider>();
  const { db, log } = deps;
  const revocations = createRevocations({ db, log, limits });
  const feed = createFeed({ db, log, limits, revocations });
  app.decorate("routeTable", []);
  const live = createLiveStreams({ db, log, limits, revocations });
  app.decorate("revocations", revocations);
  app.decorate("feed", feed);
  app.decorate("live", live);
  app.decorate("tokenExists", () => tokenExists(deps.db));
  app.addHook("preClose", async () => {
    feed.close();
    live.close();
  });
  app.addHook("onRoute", (route) => void app.routeTable.push(...rowsOf(route)));
  app.addHook("onResponse", async (request, reply) => {
    const { id, method, caller, routeOptions } = request;
    deps.log.debug("request", {
      request: id,
      method,
      route: routeOptions?.url ?? "none",
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      token: caller?.tokenId ?? null,
    });
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data)); // the schemas say what is sent; tests hold the routes to them
  readOnlyJson(app);
  const services = serviceFace(deps);
  answerFailures(app, deps.log, services.answer);
  setHeaders(app, { https: publicUrl?.startsWith("https:") ?? false });
  guard(app, deps);
  limitRates(app, limits);
  describeRoutes(app, deps.version);
  app.register(async (scope) => {
    for (const add of ROUTES) add(scope.withTypeProvider<ZodTypeProvider>(), deps);
    serviceRoutes(scope.withTypeProvider<ZodTypeProvider>(), services);
  });
  return app;
}

/** @throws Error at the start for a route that does not say who may use it */
function rowsOf(route: RouteOptions): RouteRow[] {
  if (route.url.startsWith("/docs")) route.config = { ...route.config, access: "read" }; // these routes are made by a plugin
  const access = route.config?.access;
  if (access === undefined) throw new Error(`the route ${route.url} names no access`);
  return [route.method].flat().map((method) => ({ method, url: route.url, access }));
}
