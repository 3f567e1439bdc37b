import { z } from "zod";
import type { App } from "./app.ts";
import type { HttpDeps } from "./deps.ts";

const healthView = z
  .object({ ok: z.boolean(), version: z.string(), degraded: z.string().optional().describe("what does not work, in one sentence") })
  .meta({ id: "Health" });
const readyView = healthView.extend({ parts: z.record(z.string(), z.string()).optional() }).meta({ id: "Readiness" });

export function healthRoutes(app: App, { health, version }: HttpDeps): void {
  app.get(
    "/v1/health",
    {
      config: { access: "public" },
      schema: { summary: "Whether this server works. The one route without a credential.", tags: ["server"], response: { 200: healthView, 503: healthView } },
    },
    async (_request, reply) => {
      const { ok, degraded } = await health();
      return reply.code(ok ? 200 : 503).send({ ok, version, ...(degraded === undefined ? {} : { degraded }) });
    },
  );
  app.get(
    "/v1/ready",
    {
      config: { access: "credential" },
      schema: { summary: "Whether this server takes requests, and how its parts are.", tags: ["server"], response: { 200: readyView, 503: readyView } },
    },
    async (_request, reply) => {
      const { ok, degraded, parts } = await health();
      return reply
        .code(ok ? 200 : 503)
        .send({ ok, version, ...(degraded === undefined ? {} : { degraded }), ...(parts === undefined ? {} : { parts: { ...parts } }) });
    },
  );
}
