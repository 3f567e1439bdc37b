import { z } from "zod";
import { nativeTool } from "#src/acts/ports/native-tool.ts";
import type { ToolDeps, ToolServerFrom } from "#src/acts/ports/tool-source.ts";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import { toolFailure } from "#src/connections/failure.ts";
import { hostRules } from "#src/connections/host-rules.ts";
import { type Answer, request, type Resolve } from "#src/connections/request.ts";
import { readTarget } from "#src/connections/target.ts";
import { textOf } from "#src/connections/text.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { readable } from "./readable.ts";
import { search } from "./search.ts";

type WebServer = ToolServerFrom<"web">;

/** `resolve` left out: the name service of this machine. */
type WebToolDeps = Pick<ToolDeps, "secret"> & { readonly resolve?: Resolve };

/** A page may be far larger than what is kept of it. */
const MOST_PAGE_BYTES = 5_242_880;

/** `<server>.fetch`, and `<server>.search` where a provider is declared. What they give was worded by strangers. */
export function webTools(server: WebServer, deps: WebToolDeps): ToolPort[] {
  return [fetchTool(server, deps), ...(server.from.search ? [searchTool(server, deps, server.from.search)] : [])];
}

function fetchTool(server: WebServer, { resolve }: WebToolDeps): ToolPort {
  const { hosts, privateNetwork } = server.from;
  const mayReach = hosts ? hostRules(hosts) : () => true;
  const urlOf = (text: string): URL => {
    const target = readTarget(text);
    if (target.ok && mayReach(target.url)) return target.url;
    const why = target.ok ? `leads to ${target.url.host}` : target.why;
    throw new LoopError("input_invalid", `${server.name}.fetch: the address ${why}. Expected a page on ${hosts ? hosts.join(", ") : "a public host"}.`);
  };
  return nativeTool(server, {
    name: "fetch",
    description: "Reads a page of the web as plain text.",
    args: z.strictObject({ url: z.string().min(1).max(8_192) }),
    effect: "read",
    terms: { risk: "low", outbound: true, private: false, untrusted: true },
    check: ({ url }) => void urlOf(url),
    async invoke({ url }, { signal }) {
      const maxBytes = Math.max(MOST_PAGE_BYTES, server.limits.maxResultBytes);
      const bounds = { mayReach, privateNetwork, redirects: "allowed" as const, timeoutMs: server.limits.timeout, maxBytes, signal };
      const headers = { accept: "text/html, text/plain;q=0.9, application/json;q=0.8, */*;q=0.1" };
      try {
        return pageOf(await request({ url: urlOf(url), method: "GET", headers }, { ...bounds, ...(resolve ? { resolve } : {}) }), server);
      } catch (error) {
        throw toolFailure(`${server.name}.fetch`, error, true);
      }
    },
  });
}

function pageOf(answer: Answer, { limits }: WebServer): Json {
  const { status, headers, url, bytes } = answer;
  const type = headers["content-type"] ?? "";
  const said = textOf(answer);
  const head = { status, url: url.href, contentType: type };
  if (said === null) return { ...head, bytes: bytes.length, note: "not a text; its content is left out" };
  const page = /html/i.test(type) ? readable(said) : { title: "", text: said };
  const text = cut(page.text, limits.maxResultBytes);
  return { ...head, title: page.title, text, truncated: answer.truncated || text.length < page.text.length };
}

/** At most so many bytes of UTF-8, whole characters. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  return bytes.length <= maxBytes ? text : new TextDecoder().decode(bytes.subarray(0, maxBytes), { stream: true });
}

function searchTool(server: WebServer, { secret, resolve }: WebToolDeps, { provider, apiKey, baseUrl }: NonNullable<WebServer["from"]["search"]>): ToolPort {
  return nativeTool(server, {
    name: "search",
    description: `Searches the web (${provider}). Gives title, address and a passage of each hit.`,
    args: z.strictObject({ query: z.string().min(1).max(400), limit: z.int().min(1).max(20).default(5) }),
    effect: "read",
    terms: { risk: "low", outbound: true, private: false, untrusted: true },
    async invoke(asked, { signal }) {
      const bounds = { privateNetwork: server.from.privateNetwork, timeoutMs: server.limits.timeout, maxBytes: MOST_PAGE_BYTES, signal };
      try {
        const hits = await search({ provider, apiKey: await secret(apiKey), baseUrl }, asked, { ...bounds, ...(resolve ? { resolve } : {}) });
        const share = Math.floor(server.limits.maxResultBytes / Math.max(1, hits.length) / 2);
        return { hits: hits.map(({ title, url, text }) => ({ title: cut(title, 500), url: cut(url, 2_000), text: cut(text, share) })) };
      } catch (error) {
        throw toolFailure(`${server.name}.search`, error, true);
      }
    },
  });
}
