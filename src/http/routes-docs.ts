import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { createJsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { ERRORS } from "#src/kernel/errors.ts";
import type { FastifyRequest } from "fastify";
import type { Service } from "#src/workspace/model.ts";
import type { App } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { withServices } from "./service-description.ts";

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
  responses?: Record<string, object>;
  parameters?: unknown[];
  security?: unknown[];
}

/** What a status says where the route says no more. */
const ANSWERS: Readonly<Record<string, string>> = { 200: "The answer.", 201: "It was made.", 202: "It was taken in; the work goes on." };

/** Adds what holds for all: how failures look, keys of requests that change something, and the one route without a credential. */
function completed(document: Described): Described {
  withoutBounds(document);
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const answers = Object.entries(operation.responses ?? {}).map(([status, answer]) => [
        status,
        { ...answer, description: ANSWERS[status] ?? "The answer." },
      ]);
      operation.responses = { ...Object.fromEntries(answers), default: PROBLEM };
      if (method === "post" && path !== "/v1/policy/explain") operation.parameters = [...(operation.parameters ?? []), KEY_HEADER];
      if (path === "/v1/health") operation.security = [];
    }
  }
  return document;
}

/** The bounds of every whole number in JSON say nothing, and would be shown as its example. */
function withoutBounds(value: unknown): void {
  if (value === null || typeof value !== "object") return;
  const schema = value as Record<string, unknown>;
  if (schema["minimum"] === Number.MIN_SAFE_INTEGER) delete schema["minimum"];
  if (schema["maximum"] === Number.MAX_SAFE_INTEGER) delete schema["maximum"];
  Object.values(schema).forEach(withoutBounds);
}

/** On a telephone: one answer below the other, without the column for links, of which there are none. */
const DOCS_CSS = `
.swagger-ui .info { margin: 24px 0; }
.swagger-ui .scheme-container { padding: 12px 0; box-shadow: none; background: none; }
.swagger-ui .response-col_links, .swagger-ui .responses-table .col_header.response-col_links { display: none; }
@media (max-width: 640px) {
  .swagger-ui .wrapper { padding: 0 10px; }
  .swagger-ui .opblock .opblock-summary { flex-wrap: wrap; }
  .swagger-ui .opblock .opblock-summary-path { max-width: none; }
  .swagger-ui .opblock-body .responses-inner { padding: 12px; }
  .swagger-ui table.parameters tr, .swagger-ui table.parameters td,
  .swagger-ui table.responses-table tr, .swagger-ui table.responses-table td { display: block; width: auto; }
  .swagger-ui table.parameters thead, .swagger-ui table.responses-table thead { display: none; }
  .swagger-ui table.responses-table td { padding: 6px 0; }
  .swagger-ui table.responses-table td.response-col_links { display: none; }
  .swagger-ui .parameters-container .parameter__name { display: inline; margin-right: 8px; }
  .swagger-ui select { max-width: 100%; }
}
`;

/** `/openapi.json` and a page to read it, which loads nothing from elsewhere. Services that are applied now are in it. */
export function docsRoutes(app: App, { workspaces }: HttpDeps): void {
  const services = async () => (await workspaces.current()).workspace.services;
  const applied = new WeakMap<FastifyRequest, readonly Service[]>();
  app.get("/openapi.json", { config: { access: "read" }, schema: { hide: true } }, async () => withServices(app.swagger(), await services()));
  app.register(async (page) => {
    page.addHook("preHandler", async (request) => void applied.set(request, await services()));
    await page.register(swaggerUi, {
      transformSpecification: (document, request) => withServices(document, applied.get(request) ?? []),
      transformSpecificationClone: false,
      routePrefix: "/docs",
      staticCSP: false,
      // without the bar of the page's makers: there is nothing else that it could explore
      uiConfig: { layout: "BaseLayout", validatorUrl: null, persistAuthorization: false, docExpansion: "none" },
      theme: { title: "Loopwright: HTTP", css: [{ filename: "loopwright.css", content: DOCS_CSS }] },
    });
  });
}
