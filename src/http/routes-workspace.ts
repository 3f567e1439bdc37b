import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { ApplyOutcome, ApplyWish } from "#src/apply/apply.ts";
import { latestRequest } from "#src/apply/latest-request.ts";
import { planRevisions } from "#src/apply/sides.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { wantsAgent } from "#src/pulse/listening.ts";
import { judgeView, viewJudge } from "#src/pulse/judge/view.ts";
import type { Taken } from "#src/workspace/taking.ts";
import { type App, callerOf } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { type Answer, performKeeping, send } from "./once.ts";
import { isoOf, text } from "./query.ts";
import { appliedView, changeView, planView, problemView, viewApplied, viewChange, viewPlanned } from "./workspace-view.ts";

const requestView = z.object({
  ask: z.string().nullable(),
  state: z.enum(["open", "applied", "refused", "denied"]),
  reason: z.string().nullable(),
  revision: z.int().nullable(),
  at: z.string(),
});

const stateView = z
  .object({
    revision: z.int(),
    name: z.string(),
    problems: z.array(problemView),
    waiting: z.array(changeView).describe("changes of power that wait for an apply"),
    wantsAgent: z.boolean().describe("it is for a session of an agent to decide in, and none has listened yet"),
    judge: judgeView,
    request: requestView.nullable().describe("the last change that was asked for, or returned to"),
  })
  .meta({ id: "WorkspaceState" });

export function workspaceRoutes(app: App, deps: HttpDeps): void {
  app.get(
    "/v1/workspace",
    {
      config: { access: "read" },
      schema: { summary: "What is in force, what is wrong in the folder, and what waits for an apply.", tags: ["workspace"], response: { 200: stateView } },
    },
    async () => {
      const { revision, workspace } = await deps.workspaces.current();
      const [isWanted, judge, request] = await Promise.all([wantsAgent(deps.db, workspace), viewJudge(deps), viewRequest(deps)]);
      return { revision, name: workspace.manifest.name, ...seenIn(deps.folder?.last()), wantsAgent: isWanted, judge, request };
    },
  );
  app.post(
    "/v1/workspace/plan",
    {
      config: { access: "read" },
      schema: {
        summary: "What an apply would change, in plain words, power first. With `from` and `to`: from one revision to another. Nothing changes.",
        tags: ["workspace"],
        body: z
          .strictObject({ from: z.int().min(1).optional(), to: z.int().min(1).optional() })
          .refine(({ from, to }) => (from === undefined) === (to === undefined), "expected from and to, or neither"),
        response: { 200: planView },
      },
    },
    async ({ body: { from, to } }) =>
      viewPlanned(from === undefined || to === undefined ? await folderOf(deps).plan() : await planRevisions(deps.db, from, to)),
  );
}

const wishFields = {
  note: text(500).default(""),
  yes: z.boolean().default(false).describe("said by whoever saw the plan: power may widen"),
};

export function applyRoutes(app: App, deps: HttpDeps): void {
  app.post(
    "/v1/workspace/apply",
    {
      config: { access: "workspace:propose" },
      schema: {
        summary: "Put the folder in force, all or nothing. What widens power needs a `yes` by an owner or admin; of others they are asked.",
        tags: ["workspace"],
        body: z.strictObject({ ...wishFields, digest: text(64).optional().describe("of the plan that was seen; the folder must still have it") }),
        response: { 200: appliedView },
      },
    },
    async (request, reply) => send(reply, await keptOnce(deps, request, (keep) => folderOf(deps).apply({ by: callerOf(request), ...request.body, keep }))),
  );
  app.post(
    "/v1/workspace/rollback",
    {
      config: { access: "workspace:propose" },
      schema: {
        summary: "Put the files of an older revision in force, as a new one; the folder gets them too. The rules of apply hold.",
        tags: ["workspace"],
        body: z.strictObject({ ...wishFields, revision: z.int().min(1), digest: text(64).optional() }),
        response: { 200: appliedView },
      },
    },
    async (request, reply) => {
      const { revision: target, ...wish } = request.body;
      return send(reply, await keptOnce(deps, request, (keep) => folderOf(deps).rollback({ by: callerOf(request), ...wish, target, keep })));
    },
  );
}

/** What was applied, or asked, is the answer to every repeat under its key; problems are mended and a plan is confirmed by sending the same again. */
function keptOnce(deps: HttpDeps, request: FastifyRequest, work: (keep: NonNullable<ApplyWish["keep"]>) => Promise<ApplyOutcome>) {
  const answerOf = (outcome: ApplyOutcome): Answer<z.infer<typeof appliedView>> => {
    return { status: 200, body: viewApplied(outcome), passing: outcome.kind === "problems" || outcome.kind === "unconfirmed" };
  };
  return performKeeping<z.infer<typeof appliedView>>(deps, request, async (keep) => answerOf(await work((tx, outcome) => keep(tx, answerOf(outcome)))));
}

function folderOf({ folder }: HttpDeps): NonNullable<HttpDeps["folder"]> {
  if (folder) return folder;
  throw new LoopError("workspace_invalid", "This server does not hold the folder of the workspace. Apply on the host that does.");
}

function seenIn(taken: Taken | undefined) {
  if (taken?.kind === "problems") return { problems: [...taken.problems], waiting: [] };
  return { problems: [], waiting: taken?.waiting.map(viewChange) ?? [] };
}

async function viewRequest({ db }: HttpDeps): Promise<z.infer<typeof requestView> | null> {
  const request = await latestRequest(db);
  if (request === null) return null;
  const { askId, state, reason, revision, createdAtMs } = request;
  return { ask: askId, state, reason, revision, at: isoOf(createdAtMs) };
}
