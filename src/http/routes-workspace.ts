import { z } from "zod";
import { LoopError } from "#src/kernel/errors.ts";
import type { Change } from "#src/workspace/difference.ts";
import type { Applied, Taken } from "#src/workspace/taking.ts";
import { type App, callerOf } from "./app.ts";
import type { HttpDeps, WorkspaceFolder } from "./deps.ts";
import { type Answer, performKeeping, send } from "./once.ts";
import { text } from "./query.ts";

const change = z.object({ file: z.string(), words: z.string() }).meta({ id: "WorkspaceChange" });
const problem = z
  .object({ file: z.string(), line: z.int(), column: z.int(), path: z.string(), seen: z.string(), expected: z.string(), hint: z.string().optional() })
  .meta({ id: "WorkspaceProblem" });

const stateView = z
  .object({ revision: z.int(), name: z.string(), problems: z.array(problem), waiting: z.array(change).describe("changes of power that wait for an apply") })
  .meta({ id: "WorkspaceState" });

const appliedView = z
  .discriminatedUnion("kind", [
    z.object({ kind: z.literal("applied"), revision: z.int(), isNew: z.boolean(), power: z.array(change), live: z.array(change) }),
    z.object({ kind: z.literal("problems"), problems: z.array(problem) }),
  ])
  .meta({ id: "WorkspaceApplied" });

type AppliedView = z.infer<typeof appliedView>;

export function workspaceRoutes(app: App, deps: HttpDeps): void {
  app.get(
    "/v1/workspace",
    {
      config: { access: "read" },
      schema: { summary: "What is in force, what is wrong in the folder, and what waits for an apply.", tags: ["workspace"], response: { 200: stateView } },
    },
    async () => {
      const { revision, workspace } = await deps.workspaces.current();
      return { revision, name: workspace.manifest.name, ...seenIn(deps.folder?.last()) };
    },
  );
  app.post(
    "/v1/workspace/apply",
    {
      config: { access: "workspace:apply" },
      schema: {
        summary: "Put the folder in force, power too: all or nothing.",
        tags: ["workspace"],
        body: z.strictObject({ note: text(500).optional() }),
        response: { 200: appliedView },
      },
    },
    async (request, reply) => {
      const by = { author: callerOf(request).id, note: request.body.note ?? "" };
      const answer = await performKeeping<AppliedView>(deps, request, async (keep) =>
        answerOf(await folderOf(deps).apply({ ...by, keep: (tx, applied) => keep(tx, answerOf(applied)) })),
      );
      return send(reply, answer);
    },
  );
}

function folderOf({ folder }: HttpDeps): WorkspaceFolder {
  if (folder) return folder;
  throw new LoopError("workspace_invalid", "This server does not hold the folder of the workspace. Apply on the host that does.");
}

function seenIn(taken: Taken | undefined) {
  if (taken?.kind === "problems") return { problems: [...taken.problems], waiting: [] };
  return { problems: [], waiting: taken?.waiting.map(viewChange) ?? [] };
}

/** Problems are mended in the folder, and then the same request is sent again. */
const answerOf = (applied: Applied): Answer<AppliedView> => ({ status: 200, body: viewApplied(applied), passing: applied.kind === "problems" });

function viewApplied(applied: Applied): AppliedView {
  if (applied.kind === "problems") return { kind: "problems", problems: [...applied.problems] };
  return { kind: "applied", revision: applied.revision, isNew: applied.isNew, power: applied.power.map(viewChange), live: applied.live.map(viewChange) };
}

const viewChange = ({ file, words }: Change) => ({ file, words });
