import type { Server } from "./server.ts";

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** One route as the running server describes it. */
export interface Route {
  /** Such as `GET`. */
  readonly method: string;
  /** With `{id}` for parameters. */
  readonly path: string;
  readonly query: readonly string[];
  /** Members of the body; empty where it has none, or is free. */
  readonly body: readonly string[];
  /** Members of the body that are texts. */
  readonly texts: readonly string[];
  readonly isStream: boolean;
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

const STREAMS = ["/v1/feed", "/v1/runs/{id}/live"];

/** Every route that the server says it has. */
export async function routesOf(server: Server): Promise<Route[]> {
  const answer = await server.call("GET /openapi.json");
  const document = answer?.body as unknown as Document;
  const resolved = (schema: Schema | undefined): Schema =>
    schema?.$ref === undefined ? (schema ?? {}) : resolved(document.components?.schemas?.[schema.$ref.split("/").at(-1)!]);
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]): Route => {
      const properties = resolved(operation.requestBody?.content?.["application/json"]?.schema).properties ?? {};
      return {
        method: method.toUpperCase(),
        path,
        query: (operation.parameters ?? []).filter((one) => one.in === "query").map((one) => one.name),
        body: Object.keys(properties),
        texts: Object.keys(properties).filter((name) => resolved(properties[name]).type === "string"),
        isStream: STREAMS.includes(path),
      };
    }),
  );
}

export const lineOf = ({ method, path }: Pick<Route, "method" | "path">): string => `${method} ${path}`;

/** Its path with every parameter in place. */
export const filled = (path: string, value: string): string => path.replaceAll(/\{\w+\}/g, encodeURIComponent(value));

/** A body that a route takes, so that nothing but the id can be wrong with a request. */
const BODIES: Readonly<Record<string, unknown>> = {
  "POST /v1/asks/{id}/answer": { answer: "approve" },
  "POST /v1/asks/{id}/edit": { args: {} },
  "POST /v1/asks/{id}/override": { answer: "deny", reason: "x" },
  "POST /v1/asks/{id}/precedent": { for: "1d", reason: "x" },
  "POST /v1/tickets/{id}/propose-rule": { title: "x", text: "x" },
  "POST /v1/threads/{id}/messages": { text: "x" },
  "POST /v1/budgets/{name}/raise": { byUsd: 1, reason: "x" },
  "POST /v1/tools/{name}/call": { args: {} },
  "POST /v1/tools/{name}/approve": { digest: "0".repeat(64) },
  "POST /v1/tools/{name}/login": {},
  "POST /v1/services/{name}": {},
};

export const bodyFor = (route: Route): unknown =>
  route.method === "POST" ? (BODIES[lineOf(route)] ?? (route.body.includes("reason") ? { reason: "x" } : {})) : undefined;
