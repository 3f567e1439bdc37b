import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { text } from "node:stream/consumers";

/** What a test changes of an honest server. */
export interface OAuthFaults {
  /** Members of the metadata of the authorization server. */
  metadata?: Readonly<Record<string, unknown>>;
  /** What `/token` gives in place of an ordinary token. */
  accessToken?: string;
  /** `/mcp` sends on to this address. */
  redirect?: string;
}

export interface OAuthServer {
  readonly url: string;
  /** Path and authorization of every request, oldest first. */
  readonly seen: readonly { readonly path: string; readonly authorization: string | undefined }[];
  readonly faults: OAuthFaults;
}

/** A tool server of MCP over HTTP that wants a login, and the service that people log in at, in one. */
export async function oauthServer(t: Pick<TestContext, "after">, faults: OAuthFaults = {}): Promise<OAuthServer> {
  const seen: { path: string; authorization: string | undefined }[] = [];
  const state = { token: "an-access-token-of-the-test", origin: "" };
  const server = createServer((request, response) => {
    seen.push({ path: request.url!, authorization: request.headers.authorization });
    void answer({ request, response, faults, state });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close().closeAllConnections());
  state.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url: `${state.origin}/mcp`, seen, faults };
}

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly faults: OAuthFaults;
  readonly state: { token: string; readonly origin: string };
}

async function answer({ request, response, faults, state }: Asked): Promise<void> {
  const { origin } = state;
  const json = (body: unknown, status = 200): void => void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  const body = request.method === "POST" ? await text(request) : "";
  if (request.url === "/mcp" && faults.redirect) return void response.writeHead(307, { location: faults.redirect }).end();
  if (request.url === "/mcp") {
    if (request.headers.authorization !== `Bearer ${state.token}`)
      return void response.writeHead(401, { "www-authenticate": `Bearer resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"` }).end();
    return request.method === "POST" ? json(...speak(JSON.parse(body) as Message)) : void response.writeHead(405).end();
  }
  if (request.url?.startsWith("/.well-known/oauth-protected-resource")) return json({ resource: `${origin}/mcp`, authorization_servers: [origin] });
  if (request.url?.startsWith("/.well-known/oauth-authorization-server")) return json({ ...metadataOf(origin), ...faults.metadata });
  if (request.url === "/register") return json({ ...(JSON.parse(body) as object), client_id: "client-of-the-test" }, 201);
  if (request.url !== "/token") return json({}, 404);
  const given = new URLSearchParams(body);
  const isRight = given.get("grant_type") === "refresh_token" || (given.get("code") === "the-code" && (given.get("code_verifier") ?? "").length >= 43);
  if (!isRight || given.get("resource") !== `${origin}/mcp`) return json({ error: "invalid_grant" }, 400);
  state.token = faults.accessToken ?? state.token;
  return json({ access_token: state.token, token_type: "Bearer", refresh_token: "a-refresh-token-of-the-test", expires_in: 3_600 });
}

const metadataOf = (origin: string): object => ({
  issuer: origin,
  authorization_endpoint: `${origin}/authorize`,
  token_endpoint: `${origin}/token`,
  registration_endpoint: `${origin}/register`,
  response_types_supported: ["code"],
  grant_types_supported: ["authorization_code", "refresh_token"],
  code_challenge_methods_supported: ["S256"],
  token_endpoint_auth_methods_supported: ["none"],
});

interface Message {
  readonly id?: number;
  readonly method: string;
  readonly params?: { readonly protocolVersion?: string };
}

function speak({ id, method, params }: Message): [unknown, number] {
  if (id === undefined) return [null, 202];
  const result = (value: unknown): [unknown, number] => [{ jsonrpc: "2.0", id, result: value }, 200];
  if (method === "initialize")
    return result({ protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "oauth", version: "1" } });
  if (method === "tools/list") return result({ tools: [{ name: "who", description: "says who", inputSchema: { type: "object" } }] });
  if (method === "tools/call") return result({ content: [{ type: "text", text: "you" }] });
  return [{ jsonrpc: "2.0", id, error: { code: -32_601, message: "no such method" } }, 200];
}
