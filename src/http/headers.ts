import compress from "@fastify/compress";
import helmet from "@fastify/helmet";
import type { App } from "./app.ts";

/** Answers of the interface are data: a browser that is led to one runs and loads nothing. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/** The documentation page: its own scripts and styles, and requests to this server. Its styles set attributes, hence the one exception. */
const DOCS_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** Headers of every answer, and compression. Pages under other paths bring a policy of their own. */
export function setHeaders(app: App, { https }: { readonly https: boolean }): void {
  app.addHook("onRequest", async (request, reply) => {
    void reply.header("request-id", request.id);
    void reply.header("cache-control", "no-store");
    void reply.header("content-security-policy", request.routeOptions?.url?.startsWith("/docs") ? DOCS_POLICY : DATA_POLICY);
  });
  app.addHook("onSend", async (_request, reply) => {
    if (reply.hasHeader("etag")) void reply.header("cache-control", "private, no-cache");
  });
  app.register(helmet, {
    contentSecurityPolicy: false, // set above, per page
    frameguard: { action: "deny" },
    referrerPolicy: { policy: "no-referrer" },
    strictTransportSecurity: https,
  });
  app.register(compress, { globalDecompression: false, threshold: 2_048, encodings: ["br", "gzip"] });
}
