import { requireRun } from "#src/runs/store/state.ts";
import { type App, callerOf } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { idOf } from "./ids.ts";
import { idParams } from "./query.ts";

export function liveRoutes(app: App, { db }: HttpDeps): void {
  app.get(
    "/v1/runs/:id/live",
    {
      config: { access: "read" },
      exposeHeadRoute: false,
      schema: {
        summary:
          "What the models of a run say while they say it, as server-sent events: the text so far, then what is added, until the run parks or ends. It is for watching only: what counts is in the run.",
        tags: ["runs"],
        params: idParams,
        produces: ["text/event-stream"],
      },
    },
    async (request, reply) => {
      const { id: runId } = await requireRun(db, idOf("run", request.params.id));
      void reply.hijack();
      app.live.follow({ response: reply.raw, headers: reply.getHeaders() as Record<string, string>, caller: callerOf(request), runId });
    },
  );
}
