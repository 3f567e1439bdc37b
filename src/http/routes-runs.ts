import { z } from "zod";
import { costReport } from "#src/ledger/reports.ts";
import { cancelRun, pauseRun, resumeRun } from "#src/runs/command.ts";
import { retryRun } from "#src/runs/retry.ts";
import { listRuns, readState, requireRun } from "#src/runs/store/state.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import { type App, callerOf } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { idOf } from "./ids.ts";
import { performOnce, send } from "./once.ts";
import { idParams, limit, text } from "./query.ts";
import { runDetailView, runView, viewRun, viewRunDetail } from "./run-view.ts";

const COMMANDS = [
  { verb: "cancel", command: cancelRun, summary: "Stop a run for good. What it did stays done." },
  { verb: "pause", command: pauseRun, summary: "Hold a run where it is." },
  { verb: "resume", command: resumeRun, summary: "Let a paused run go on." },
] as const;

const whyBody = z.strictObject({ reason: text(2_000).refine((words) => words.trim() !== "", "expected why") });

/** Beginning the work of an ended run again, in a run of its own. */
export function retryRoutes(app: App, deps: HttpDeps): void {
  app.post(
    "/v1/runs/:id/retry",
    {
      config: { access: "runs:control" },
      schema: {
        summary: "Begin the work of a run that ended again, in a run of its own.",
        tags: ["runs"],
        params: idParams,
        body: whyBody,
        response: { 201: runView },
      },
    },
    async (request, reply) => {
      const command = { runId: idOf("run", request.params.id), by: callerOf(request), reason: request.body.reason };
      const { revision, workspace } = await deps.workspaces.current();
      const place = { clock: deps.clock, revision, workspace, tiers: deps.tiers(workspace) };
      return send(
        reply,
        await performOnce(deps, request, async (joined) => ({ status: 201, body: viewRun(await requireRun(joined, await retryRun(joined, place, command))) })),
      );
    },
  );
}

export function runRoutes(app: App, deps: HttpDeps): void {
  const { db } = deps;
  app.get(
    "/v1/runs",
    {
      config: { access: "read" },
      schema: {
        summary: "Runs, newest first.",
        tags: ["runs"],
        querystring: z.strictObject({ ticket: z.string().optional(), limit: limit(50, 500) }),
        response: { 200: z.object({ runs: z.array(runView) }) },
      },
    },
    async ({ query }) => {
      const ticket = query.ticket === undefined ? {} : { ticketId: (await requireTicket(db, idOf("ticket", query.ticket))).id };
      return { runs: (await listRuns(db, { ...ticket, limit: query.limit })).map(viewRun) };
    },
  );
  app.get(
    "/v1/runs/:id",
    {
      config: { access: "read" },
      schema: { summary: "One run: what it said, did, asked and cost.", tags: ["runs"], params: idParams, response: { 200: runDetailView } },
    },
    async (request) => {
      const state = await readState(db, idOf("run", request.params.id));
      const [costs] = await costReport(db, { by: "all" }, { fromMs: 0, runId: state.run.id });
      return viewRunDetail(state, { costs, caller: callerOf(request) });
    },
  );
  for (const { verb, command, summary } of COMMANDS) {
    app.post(
      `/v1/runs/:id/${verb}`,
      {
        config: { access: "runs:control" },
        schema: {
          summary,
          tags: ["runs"],
          params: idParams,
          body: whyBody,
          response: { 200: runView },
        },
      },
      async (request, reply) => {
        const given = { runId: idOf("run", request.params.id), by: callerOf(request), reason: request.body.reason };
        return send(reply, await performOnce(deps, request, async (joined) => ({ status: 200, body: viewRun(await command(joined, deps.clock, given)) })));
      },
    );
  }
}
