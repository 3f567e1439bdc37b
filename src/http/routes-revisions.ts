import { z } from "zod";
import { listRevisions, requireRevision, revisionFiles, digestsOf } from "#src/workspace/revisions.ts";
import type { App } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { handlesOf } from "./handles.ts";
import { FieldError } from "./problem.ts";
import { idParams, isoOf, limit, wholeNumber } from "./query.ts";

const revisionView = z
  .object({
    number: z.int(),
    parent: z.int().describe("the revision that it was made from; 0: the first"),
    digest: z.string(),
    kind: z.enum(["apply", "live"]).describe("apply: power may have changed; live: only direction and knowledge did"),
    author: z.string().describe("a handle, or system"),
    note: z.string(),
    at: z.string(),
  })
  .meta({ id: "Revision" });

export function revisionRoutes(app: App, { db }: HttpDeps): void {
  app.get(
    "/v1/revisions",
    {
      config: { access: "read" },
      schema: {
        summary: "Revisions of the workspace, newest first.",
        tags: ["workspace"],
        querystring: z.strictObject({ limit: limit(50, 500), before: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional() }),
        response: { 200: z.object({ revisions: z.array(revisionView) }) },
      },
    },
    async ({ query: { limit: most, before } }) => {
      const handleOf = await handlesOf(db);
      const revisions = await listRevisions(db, { limit: most, ...(before === undefined ? {} : { before }) });
      return { revisions: revisions.map(({ atMs, author, ...rest }) => ({ ...rest, author: handleOf(author), at: isoOf(atMs) })) };
    },
  );
  app.get(
    "/v1/revisions/:id",
    {
      config: { access: "read" },
      schema: {
        summary: "One revision, with its files by digest.",
        tags: ["workspace"],
        params: idParams,
        response: { 200: z.object({ ...revisionView.shape, files: z.record(z.string(), z.string()).describe("path to SHA-256 of the content") }) },
      },
    },
    async ({ params }) => {
      const { atMs, author, ...rest } = await requireRevision(db, numberIn(params.id));
      return { ...rest, author: (await handlesOf(db))(author), at: isoOf(atMs), files: { ...digestsOf(await revisionFiles(db, rest.number)) } };
    },
  );
}

function numberIn(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new FieldError([{ field: "params.id", expected: "the number of a revision, such as 3" }]);
}
