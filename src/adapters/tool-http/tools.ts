import { z } from "zod";
import { nativeTool } from "#src/acts/ports/native-tool.ts";
import type { ToolDeps, ToolServerFrom } from "#src/acts/ports/tool-source.ts";
import type { ToolPort, ToolUse } from "#src/acts/ports/tool-port.ts";
import { toolFailure } from "#src/connections/failure.ts";
import { hostRules } from "#src/connections/host-rules.ts";
import { type Answer, request, type Resolve } from "#src/connections/request.ts";
import { readTarget } from "#src/connections/target.ts";
import { textOf } from "#src/connections/text.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";

type HttpServer = ToolServerFrom<"http">;
type EffectClass = ToolPort["effect"];
type Method = HttpServer["from"]["methods"][number];

/** `resolve` left out: the name service of this machine. */
type HttpToolDeps = Pick<ToolDeps, "secret"> & { readonly resolve?: Resolve };

/** What a repeat with the same key does by the standard (RFC 9110 §9.2.2); a server that honours `Idempotency-Key` is declared in the manifest. */
const EFFECT: Readonly<Record<Method, EffectClass>> = { GET: "read", HEAD: "read", PUT: "idempotent", DELETE: "idempotent", PATCH: "once", POST: "once" };

const address = z.string().min(1).max(8_192).describe("the whole URL, on one of the allowed hosts");
const readArgs = z.strictObject({ url: address, accept: z.string().max(200).optional().describe("wanted media type") });
const writeArgs = z.strictObject({
  url: address,
  json: z.json().optional().describe("the body as JSON"),
  text: z.string().max(1_048_576).optional().describe("the body as text, in place of json"),
  contentType: z
    .string()
    .regex(/^[\w.+-]+\/[\w.+-]+(; ?charset=[\w-]+)?$/)
    .optional(),
});
type Given = z.infer<typeof readArgs> & z.infer<typeof writeArgs>;

/** One tool per method that the manifest lists: `<server>.get`, `<server>.post`, … */
export function httpTools(server: HttpServer, deps: HttpToolDeps): ToolPort[] {
  return [...new Set(server.from.methods)].map((method) => toolFor(method, server, deps));
}

function toolFor(method: Method, server: HttpServer, deps: HttpToolDeps): ToolPort {
  const { hosts } = server.from;
  const name = method.toLowerCase();
  const isRead = EFFECT[method] === "read";
  const effect = (isRead ? "read" : server.tools[name]?.effect) ?? EFFECT[method];
  const mayReach = hostRules(hosts);
  return nativeTool(server, {
    name,
    description: `${method} request to ${hosts.join(", ")}.`,
    args: (isRead ? readArgs : writeArgs) as unknown as z.ZodType<Given>,
    effect,
    terms: { risk: isRead ? "low" : "medium", outbound: true, private: true, untrusted: true },
    check: (args) => void urlOf(args, server, mayReach),
    async invoke(args, use) {
      const url = urlOf(args, server, mayReach);
      const tool = `${server.name}.${name}`;
      try {
        const secretHeaders = await headersOf(server, deps.secret);
        const answer = await request({ url, method, ...message(args, { isRead, use }), secretHeaders }, boundsOf(server, { mayReach, deps, use }));
        return resultOf(answer, tool, effect);
      } catch (error) {
        throw toolFailure(tool, error, effect === "read" || effect === "idempotent");
      }
    },
  });
}

function urlOf({ url }: Given, server: HttpServer, mayReach: (url: URL) => boolean): URL {
  const target = readTarget(url);
  if (target.ok && mayReach(target.url)) return target.url;
  const why = target.ok ? `leads to ${target.url.host}` : target.why;
  throw new LoopError("input_invalid", `${server.name}: the address ${why}. Expected a URL on ${server.from.hosts.join(", ")}.`, {
    facts: { server: server.name },
  });
}

function message({ accept, json, text, contentType }: Given, { isRead, use }: { isRead: boolean; use: ToolUse }) {
  if (isRead) return { headers: { accept: accept ?? "application/json, text/*;q=0.9, */*;q=0.5" } };
  const body = json === undefined ? text : JSON.stringify(json);
  const type = contentType ?? (json === undefined ? "text/plain; charset=utf-8" : "application/json");
  const headers = { accept: "application/json, */*;q=0.5", "idempotency-key": use.actKey, ...(body === undefined ? {} : { "content-type": type }) };
  return body === undefined ? { headers } : { headers, body };
}

/** `secret:name`, with or without a word such as `Bearer` before it, stands for the value. */
async function headersOf({ from }: HttpServer, secret: HttpToolDeps["secret"]): Promise<Record<string, string>> {
  const entries = Object.entries(from.headers).map(async ([name, value]) => {
    const [, lead = "", reference] = /^(\S+ )?(secret:.+)$/.exec(value) ?? [];
    return [name.toLowerCase(), reference === undefined ? value : lead + (await secret(reference))] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

function boundsOf({ from, limits }: HttpServer, { mayReach, deps, use }: { mayReach: (url: URL) => boolean; deps: HttpToolDeps; use: ToolUse }) {
  return {
    mayReach,
    privateNetwork: from.privateNetwork,
    redirects: "same" as const,
    timeoutMs: limits.timeout,
    maxBytes: limits.maxResultBytes,
    signal: use.signal,
    ...(deps.resolve ? { resolve: deps.resolve } : {}),
  };
}

/** An answer that says "later" is tried later, where that is safe; any other is a result, also one that refuses. */
function resultOf(answer: Answer, tool: string, effect: EffectClass): Json {
  const { status, headers, truncated, bytes, url } = answer;
  if ((status === 429 || status === 503) && effect !== "once") {
    const seconds = Number(headers["retry-after"] ?? "");
    throw new LoopError("tool_unavailable", `${tool}: ${url.host} answered ${status}, which means later.`, {
      facts: { status, ...(seconds > 0 ? { retryAfterMs: Math.min(seconds, 3_600) * 1_000 } : {}) },
    });
  }
  const text = textOf(answer);
  const shown = Object.fromEntries(SHOWN_HEADERS.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
  return {
    status,
    url: url.href,
    headers: shown,
    ...(text === null ? { bytes: bytes.length, note: "not a text; its content is left out" } : { body: parsed(text, headers, truncated) }),
    truncated,
  };
}

const SHOWN_HEADERS = ["content-type", "location", "etag", "last-modified", "link", "retry-after"];

function parsed(text: string, headers: Readonly<Record<string, string>>, truncated: boolean): Json {
  if (truncated || !/[/+]json/i.test(headers["content-type"] ?? "")) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text; // said to be JSON, and is not: the reader may make sense of it
  }
}
