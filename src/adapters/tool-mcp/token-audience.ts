import { ServerTrouble } from "./trouble.ts";

/**
 * Refuses a token that says that it is for somebody else: it would open another server to this one. A token that says nothing of that is its server's matter.
 * (RFC 8707, RFC 9068) @throws ServerTrouble
 */
export function requireAudience(token: string, serverUrl: string): void {
  const audiences = audiencesOf(token);
  if (audiences === undefined || audiences.some((audience) => isFor(audience, serverUrl))) return;
  throw new ServerTrouble("the token that it gave is meant for another server");
}

/** Undefined: it is no token that can be read, or names nobody. */
function audiencesOf(token: string): readonly string[] | undefined {
  const body = token.split(".", 3);
  if (body.length !== 3) return undefined;
  try {
    const claims = JSON.parse(Buffer.from(body[1]!, "base64url").toString("utf8")) as { readonly aud?: unknown };
    return claims.aud === undefined ? undefined : [claims.aud].flat().map(String);
  } catch {
    return undefined;
  }
}

/** The server itself, or its origin, or a path above it. */
function isFor(audience: string, serverUrl: string): boolean {
  const [named, server] = [URL.parse(audience), new URL(serverUrl)];
  if (named === null || named.origin !== server.origin) return false;
  const above = named.pathname.replace(/\/$/, "");
  return server.pathname === named.pathname || `${server.pathname}/`.startsWith(`${above}/`);
}
