import { z } from "zod";
import { type Answer, type Bounds, request } from "#src/connections/request.ts";
import { portOf } from "#src/connections/target.ts";
import { textOf } from "#src/connections/text.ts";
import { LoopError } from "#src/kernel/errors.ts";

export interface SearchHit {
  readonly title: string;
  readonly url: string;
  readonly text: string;
}

export interface Search {
  readonly query: string;
  readonly limit: number;
}

interface Provider {
  readonly baseUrl: string;
  readonly path: string;
  body(search: Search): object;
  readonly answer: z.ZodType<readonly SearchHit[]>;
}

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");

/** https://docs.tavily.com/documentation/api-reference/endpoint/search and https://docs.firecrawl.dev/api-reference/endpoint/search */
const PROVIDERS: Readonly<Record<"tavily" | "firecrawl", Provider>> = {
  tavily: {
    baseUrl: "https://api.tavily.com",
    path: "search",
    body: ({ query, limit }) => ({ query, max_results: limit, search_depth: "basic" }),
    answer: z
      .object({ results: z.array(z.object({ title: text, url: z.string(), content: text })) })
      .transform(({ results }) => results.map(({ title, url, content }) => ({ title, url, text: content }))),
  },
  firecrawl: {
    baseUrl: "https://api.firecrawl.dev",
    path: "v2/search",
    body: ({ query, limit }) => ({ query, limit, sources: ["web"] }),
    answer: z
      .object({
        data: z.union([
          z.object({ web: z.array(z.object({ title: text, url: z.string(), description: text })).default([]) }),
          z.array(z.object({ title: text, url: z.string(), description: text })),
        ]),
      })
      .transform(({ data }) => (Array.isArray(data) ? data : data.web).map(({ title, url, description }) => ({ title, url, text: description }))),
  },
};

export interface SearchProvider {
  readonly provider: keyof typeof PROVIDERS;
  readonly apiKey: string;
  readonly baseUrl?: string | undefined;
}

/** Asks the provider. @throws RequestFailed, LoopError tool_failed | tool_unavailable */
export async function search(
  { provider, apiKey, baseUrl }: SearchProvider,
  asked: Search,
  bounds: Omit<Bounds, "mayReach" | "redirects">,
): Promise<readonly SearchHit[]> {
  const wire = PROVIDERS[provider];
  const url = new URL(wire.path, `${(baseUrl ?? wire.baseUrl).replace(/(?<!\/)\/+$/, "")}/`);
  const answer = await request(
    {
      url,
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/json" },
      secretHeaders: { authorization: `Bearer ${apiKey}` },
      body: JSON.stringify(wire.body(asked)),
    },
    // The operator named this host; a search service of the own network is meant, not found by accident.
    {
      ...bounds,
      privateNetwork: bounds.privateNetwork || baseUrl !== undefined,
      redirects: "same",
      mayReach: (to) => to.hostname === url.hostname && portOf(to) === portOf(url),
    },
  );
  return hitsOf(provider, wire, answer).slice(0, asked.limit);
}

function hitsOf(provider: string, wire: Provider, answer: Answer): readonly SearchHit[] {
  const { status, headers } = answer;
  if (status === 429 || status >= 500) {
    const seconds = Number(headers["retry-after"] ?? "");
    throw new LoopError("tool_unavailable", `${provider} answered ${status}.`, {
      facts: { status, ...(seconds > 0 ? { retryAfterMs: Math.min(seconds, 3_600) * 1_000 } : {}) },
    });
  }
  if (status === 401 || status === 403)
    throw new LoopError("tool_failed", `${provider} answered ${status}: it does not know the key. Set the secret that the manifest names.`, {
      facts: { status },
    });
  const read = status < 300 && !answer.truncated ? wire.answer.safeParse(jsonOf(textOf(answer) ?? "")) : undefined;
  if (read?.success) return read.data;
  throw new LoopError("tool_failed", `${provider} answered ${status}, and not with a list of results as its reference describes.`, { facts: { status } });
}

function jsonOf(said: string): unknown {
  try {
    return JSON.parse(said);
  } catch {
    return undefined; // the caller says what was expected
  }
}
