import { z } from "zod";
import { jsonSchemaOf, KINDS } from "#src/workspace/manifest/schemas.ts";
import { nearest } from "#src/workspace/nearest.ts";
import type { App } from "./app.ts";
import { FieldError } from "./problem.ts";
import { idParams } from "./query.ts";

export function schemaRoutes(app: App): void {
  app.get(
    "/v1/schemas",
    {
      config: { access: "read" },
      schema: {
        summary: "The kinds of workspace files.",
        tags: ["workspace"],
        response: { 200: z.object({ kinds: z.array(z.object({ kind: z.string(), files: z.string(), about: z.string() })) }) },
      },
    },
    () => Promise.resolve({ kinds: Object.entries(KINDS).map(([kind, { files, about }]) => ({ kind, files, about })) }),
  );
  app.get(
    "/v1/schemas/:id",
    {
      config: { access: "read" },
      schema: {
        summary: "The JSON Schema of one kind, such as Agent.",
        tags: ["workspace"],
        params: idParams,
        response: { 200: z.record(z.string(), z.unknown()) },
      },
    },
    ({ params }) => {
      const schema = jsonSchemaOf(params.id);
      if (schema) return Promise.resolve({ ...schema });
      const meant = nearest(params.id, Object.keys(KINDS));
      throw new FieldError([
        { field: "params.id", expected: `one of ${Object.keys(KINDS).join(", ")}${meant === undefined ? "" : `; did you mean ${meant}?`}` },
      ]);
    },
  );
}
