import { toolFailure } from "#src/connections/failure.ts";
import { type Answer, request } from "#src/connections/request.ts";
import { portOf } from "#src/connections/target.ts";
import { textOf } from "#src/connections/text.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { authorizationOf, type GithubDeps, type GithubServer } from "./auth.ts";

export interface Call {
  readonly method?: "GET" | "POST" | "PATCH";
  /** Below the base URL, already escaped. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: object;
  readonly signal: AbortSignal;
  /** The last bytes of a text in place of JSON, wherever GitHub keeps it. */
  readonly tailBytes?: number;
}

/** Calls of one GitHub. @throws LoopError tool_failed | tool_unavailable */
export interface GithubClient {
  json(call: Call): Promise<unknown>;
  /** Null: GitHub does not have it, or does not show it to this token. */
  jsonOrNull(call: Call): Promise<unknown>;
  tail(call: Call & { readonly tailBytes: number }): Promise<{ text: string; truncated: boolean }>;
}

const LONGEST_MS = 30_000;
const MOST_BYTES = 16_777_216;

export function githubClient(server: GithubServer, deps: GithubDeps): GithubClient {
  const base = new URL(server.from.baseUrl.replace(/(?<!\/)\/+$/, ""));
  const isBase = (url: URL): boolean => url.hostname === base.hostname && portOf(url) === portOf(base) && url.protocol === base.protocol;
  const send = async (call: Call, authorization: string): Promise<Answer> => {
    const url = new URL(`${base.href.replace(/(?<!\/)\/+$/, "")}${call.path}`);
    for (const [name, value] of Object.entries(call.query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value));
    try {
      return await request(
        {
          url,
          method: call.method ?? "GET",
          headers: {
            accept: "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
            ...(call.body ? { "content-type": "application/json" } : {}),
          },
          secretHeaders: { authorization },
          ...(call.body ? { body: JSON.stringify(call.body) } : {}),
        },
        {
          // Whoever applied the file named the host; logs lie in a storage elsewhere, which is asked without the token.
          mayReach: (to) => call.tailBytes !== undefined || isBase(to),
          privateNetwork: isBase,
          redirects: call.tailBytes === undefined ? "same" : "allowed",
          timeoutMs: Math.min(server.limits.timeout, LONGEST_MS),
          ...(call.tailBytes === undefined ? { maxBytes: MOST_BYTES } : { maxBytes: call.tailBytes, keeps: "end" as const }),
          signal: call.signal,
        },
      );
    } catch (error) {
      throw toolFailure(server.name, error, true); // reads, and writes that are looked for before a second try
    }
  };
  const answered = (answer: Answer): Answer => requireGood(server, answer, deps.clock.nowMs());
  const authorize = authorizationOf(server, deps, async ({ authorization, ...call }) =>
    jsonOf(server, answered(await send({ ...call, method: "POST" }, authorization))),
  );
  const call = async (what: Call): Promise<Answer> => send(what, await authorize(what.signal));
  return {
    json: async (what) => jsonOf(server, answered(await call(what))),
    async jsonOrNull(what) {
      const answer = await call(what);
      return answer.status === 404 ? null : jsonOf(server, answered(answer));
    },
    async tail(what) {
      const answer = answered(await call(what));
      return { text: textOf({ ...answer, headers: { "content-type": "text/plain" }, truncated: false }) ?? "", truncated: answer.truncated };
    },
  };
}

function requireGood(server: GithubServer, answer: Answer, nowMs: number): Answer {
  const { status, headers } = answer;
  if (status >= 200 && status < 300) return answer;
  const facts = { status };
  const said = saidBy(answer);
  const isRateLimit =
    status === 429 || (status === 403 && (headers["x-ratelimit-remaining"] === "0" || headers["retry-after"] !== undefined || /rate limit/i.test(said)));
  if (isRateLimit) {
    const retryAfterMs = waitMs(headers, nowMs);
    throw new LoopError("tool_unavailable", `${server.name}: GitHub takes no more calls for now (${status}).`, { facts: { ...facts, retryAfterMs } });
  }
  if (status >= 500) throw new LoopError("tool_unavailable", `${server.name}: GitHub answered ${status}.`, { facts });
  const advice: Readonly<Record<number, string>> = {
    401: "It does not know the token. Set the secret that auth names.",
    403: "The token may not do this. Give it the permission, or use another.",
    404: "It is not there, or the token may not see it.",
    410: "It is switched off for this repository.",
  };
  throw new LoopError(
    "tool_failed",
    `${server.name}: GitHub answered ${status}${said === "" ? "" : ` (${said})`}. ${advice[status] ?? "Look at what was asked for."}`,
    { facts },
  );
}

const LONGEST_WAIT_MS = 3_600_000;
const USUAL_WAIT_MS = 60_000;

/** https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit */
function waitMs(headers: Readonly<Record<string, string>>, nowMs: number): number {
  const [after, reset] = [Number(headers["retry-after"] ?? Number.NaN), Number(headers["x-ratelimit-reset"] ?? Number.NaN)];
  const wait = after >= 0 ? after * 1_000 : reset >= 0 ? reset * 1_000 - nowMs : USUAL_WAIT_MS;
  return Math.min(Math.max(wait, 1_000), LONGEST_WAIT_MS);
}

function saidBy(answer: Answer): string {
  try {
    const { message, errors } = JSON.parse(answer.bytes.toString("utf8")) as { message?: unknown; errors?: readonly { message?: unknown }[] };
    return [message, ...(Array.isArray(errors) ? errors.map((error) => error?.message) : [])]
      .filter((text) => typeof text === "string")
      .join("; ")
      .slice(0, 300);
  } catch {
    return ""; // no JSON: the status has to do
  }
}

function jsonOf(server: GithubServer, answer: Answer): unknown {
  if (answer.truncated) throw new LoopError("tool_failed", `${server.name}: the answer of GitHub is larger than ${MOST_BYTES} bytes. Ask for less.`);
  try {
    return JSON.parse(answer.bytes.toString("utf8"));
  } catch (cause) {
    throw new LoopError("tool_failed", `${server.name}: GitHub answered ${answer.status}, but not with JSON. Check baseUrl.`, { cause });
  }
}
