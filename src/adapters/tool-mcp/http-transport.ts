import type { ToolDeps, ToolServerFrom } from "#src/acts/ports/tool-source.ts";
import { guardedFetch, isLoopback, isSafeAddress } from "./guarded-fetch.ts";
import { type LoginOptions, quietLogin } from "./login.ts";
import type { KnowingTransport } from "./stdio-transport.ts";
import { ServerTrouble } from "./trouble.ts";

const SMALLEST_ANSWER = 4_194_304;

/** The way to a server that speaks Streamable HTTP. Its token goes to its own address alone. @throws ServerTrouble | LoopError secret_unavailable */
export async function httpTransport(server: ToolServerFrom<"mcp">, deps: ToolDeps, login: LoginOptions): Promise<KnowingTransport> {
  const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const { url, auth } = server.from;
  if (url === undefined || !isSafeAddress(url, true)) throw new ServerTrouble("its address is neither https nor http on this machine");
  let first: ServerTrouble | undefined;
  const send = guardedFetch({ maxBytes: Math.max(SMALLEST_ANSWER, 2 * server.limits.maxResultBytes), allowLoopback: isLoopback(url) });
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    fetch: async (to, init) => {
      try {
        return await send(to, init);
      } catch (error) {
        if (error instanceof ServerTrouble) first ??= error;
        throw error;
      }
    },
    requestInit: { headers: auth?.type === "token" ? await tokenHeader(auth, deps) : {} },
    ...(auth?.type === "oauth" ? { authProvider: quietLogin(server, deps, login) } : {}),
    reconnectionOptions: { initialReconnectionDelay: 1_000, maxReconnectionDelay: 30_000, reconnectionDelayGrowFactor: 2, maxRetries: 3 },
  });
  return Object.assign(transport, { trouble: () => first });
}

async function tokenHeader(auth: { readonly token: string; readonly header: string }, deps: ToolDeps): Promise<Record<string, string>> {
  const value = await deps.secret(auth.token);
  const isBearer = auth.header.toLowerCase() === "authorization" && !/^\w+ /.test(value);
  return { [auth.header]: isBearer ? `Bearer ${value}` : value };
}
