import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { createJsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { ERRORS } from "#src/kernel/errors.ts";
import type { App } from "./app.ts";

const PROBLEM = {
  description: "It failed. `code` says how; docs/errors.md says what to do.",
  content: {
    "application/problem+json": {
      schema: {
        type: "object",
        required: ["type", "title", "status", "code", "detail", "facts"],
        properties: {
          type: { type: "string" },
          title: { type: "string" },
          status: { type: "integer" },
          code: { type: "string", enum: Object.keys(ERRORS) },
          detail: { type: "string" },
          facts: { type: "object" },
          errors: {
            type: "array",
            items: { type: "object", required: ["field", "expected"], properties: { field: { type: "string" }, expected: { type: "string" } } },
          },
        },
      },
    },
  },
};

const KEY_HEADER = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  schema: { type: "string", maxLength: 200 },
  description: "A repeat under the same key gets the first answer and changes nothing; another request under it is refused.",
};

/** Registered before the routes, so that it sees them. */
export function describeRoutes(app: App, version: string): void {
  const transformObject: typeof jsonSchemaTransformObject = (document) => completed(jsonSchemaTransformObject(document) as unknown as Described) as never;
  app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "Loopwright", version, description: "Tickets, runs, asks, costs and the journal of one home." },
      servers: [{ url: "/" }],
      components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
      security: [{ token: [] }],
    },
    transform: createJsonSchemaTransform({ skipList: [] }),
    transformObject,
  });
}

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}
interface Operation {
  responses?: Record<string, unknown>;
  parameters?: unknown[];
  security?: unknown[];
}

/** Adds what holds for all: how failures look, keys of requests that change something, and the one route without a credential. */
function completed(document: Described): Described {
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      operation.responses = { ...operation.responses, default: PROBLEM };
      if (method === "post" && path !== "/v1/policy/explain") operation.parameters = [...(operation.parameters ?? []), KEY_HEADER];
      if (path === "/v1/health") operation.security = [];
    }
  }
  return document;
}

/** `/openapi.json` and a page to read it, which loads nothing from elsewhere. */
export function docsRoutes(app: App): void {
  app.get("/openapi.json", { config: { access: "read" }, schema: { hide: true } }, async () => app.swagger());
  app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: false,
    uiConfig: { validatorUrl: null, persistAuthorization: false, docExpansion: "none" },
    theme: { title: "Loopwright" },
  });
}
