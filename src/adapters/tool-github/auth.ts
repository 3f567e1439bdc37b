import { createPrivateKey, createSign, type KeyObject } from "node:crypto";
import { z } from "zod";
import type { ToolDeps, ToolServerFrom } from "#src/acts/ports/tool-source.ts";
import { LoopError } from "#src/kernel/errors.ts";

export type GithubServer = ToolServerFrom<"github">;
export type GithubDeps = Pick<ToolDeps, "clock" | "secret">;

/** Asks GitHub with this authorization and gives what it answered. */
export type AskRaw = (asked: { method: string; path: string; authorization: string; signal: AbortSignal }) => Promise<unknown>;

export type Authorization = (signal: AbortSignal) => Promise<string>;

const RENEW_BEFORE_MS = 5 * 60_000;
const installationToken = z.object({ token: z.string().min(8), expires_at: z.string() });

/** What stands in the header of a call: the token, or a token of the installation, which is held until shortly before it ends. */
export function authorizationOf({ from }: GithubServer, { clock, secret }: GithubDeps, ask: AskRaw): Authorization {
  const { auth } = from;
  if (auth.type === "token") return async () => `Bearer ${await secret(auth.token)}`;
  let held: { readonly value: Promise<string>; untilMs: number } | undefined;
  return async (signal) => {
    if (held && clock.nowMs() < held.untilMs) return held.value;
    const fresh = { value: Promise.resolve(""), untilMs: clock.nowMs() + RENEW_BEFORE_MS };
    fresh.value = (async () => {
      const jwt = appJwt(auth.appId, await secret(auth.privateKey), clock.nowMs());
      const path = `/app/installations/${encodeURIComponent(auth.installationId)}/access_tokens`;
      const read = installationToken.safeParse(await ask({ method: "POST", path, authorization: `Bearer ${jwt}`, signal }));
      if (!read.success)
        throw new LoopError("tool_failed", "GitHub answered the request for an installation token with something else. Check baseUrl and installationId.");
      fresh.untilMs = Date.parse(read.data.expires_at) - RENEW_BEFORE_MS;
      return `Bearer ${read.data.token}`;
    })();
    held = fresh;
    try {
      return await fresh.value;
    } catch (error) {
      if (held === fresh) held = undefined;
      throw error;
    }
  };
}

const JWT_SECONDS = 540; // GitHub takes ten minutes at most, and clocks differ

/** https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app */
function appJwt(appId: string, pem: string, nowMs: number): string {
  const nowSeconds = Math.floor(nowMs / 1_000);
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "RS256", typ: "JWT" })}.${part({ iat: nowSeconds - 60, exp: nowSeconds - 60 + JWT_SECONDS, iss: appId })}`;
  return `${signed}.${createSign("RSA-SHA256").update(signed).sign(keyOf(pem)).toString("base64url")}`;
}

function keyOf(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem.replaceAll("\\n", "\n"));
    if (key.asymmetricKeyType === "rsa") return key;
  } catch {
    // the words below say what was expected; those of the error may quote the key
  }
  throw new LoopError(
    "tool_failed",
    "The private key of the GitHub app cannot be read. Expected an RSA key in PEM, as GitHub gives it, in the secret that privateKey names.",
  );
}
