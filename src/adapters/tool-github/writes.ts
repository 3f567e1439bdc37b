import { z } from "zod";
import { nativeTool } from "#src/acts/ports/native-tool.ts";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { GithubServer } from "./auth.ts";
import type { GithubClient } from "./client.ts";
import { marked, markerOf, PAGES, PER_PAGE } from "./marker.ts";
import { repository, requireListed } from "./repositories.ts";
import { comment, issue, pull, shaped } from "./shapes.ts";

const LONGEST_BODY = 60_000; // GitHub takes 65,536 characters
const title = z.string().trim().min(1).max(256);
const body = z.string().max(LONGEST_BODY);
const branch = z
  .string()
  .min(1)
  .max(250)
  .regex(/^(?![-/.])[^\s~^:?*[\\\p{Cc}]+$/u, "expected the name of a branch")
  .refine((name) => !name.includes("..") && !name.includes("@{"), "expected the name of a branch");

const WRITES = { effect: "findable" as const, terms: { risk: "medium" as const, outbound: true, private: false, untrusted: false } };

/** What changes something on GitHub. Each carries the key of its act in its text, so that after a lost answer it is found rather than done again. */
export function githubWrites(server: GithubServer, client: GithubClient): ToolPort[] {
  const check = ({ repo }: { readonly repo: string }): void => requireListed(server, repo);
  return [createIssue(server, client, check), addComment(server, client, check), openPull(server, client, check)];
}

type Check = (args: { readonly repo: string }) => void;

function createIssue(server: GithubServer, client: GithubClient, check: Check): ToolPort {
  const refOf = ({ number, url, title: said }: z.infer<typeof issue>): Json => ({ number, url, title: said });
  return nativeTool(server, {
    ...WRITES,
    name: "issues.write",
    description: "Creates an issue.",
    args: z.strictObject({
      repo: repository,
      title,
      body: body.default(""),
      labels: z.array(z.string().max(50)).max(20).default([]),
      assignees: z.array(z.string().max(39)).max(10).default([]),
    }),
    check,
    async invoke(given, { actKey, signal }) {
      check(given);
      const { repo, ...wanted } = given;
      const sent = { ...wanted, body: marked(given.body, actKey) };
      return refOf(shaped(issue, await client.json({ method: "POST", path: `/repos/${repo}/issues`, body: sent, signal })));
    },
    async find(actKey, signal, { repo }) {
      const query = { state: "all", sort: "created", direction: "desc" };
      const found = await search(client, { path: `/repos/${repo}/issues`, query, signal }, (items) =>
        shaped(z.array(issue), items).find((one) => one.body.includes(markerOf(actKey))),
      );
      return found && refOf(found);
    },
  });
}

function addComment(server: GithubServer, client: GithubClient, check: Check): ToolPort {
  const refOf = ({ id, url }: z.infer<typeof comment>): Json => ({ id, url });
  return nativeTool(server, {
    ...WRITES,
    name: "issues.comment",
    description: "Adds a comment to an issue or a pull request.",
    args: z.strictObject({ repo: repository, number: z.int().positive(), body: body.min(1) }),
    check,
    async invoke(given, { actKey, signal }) {
      check(given);
      const path = `/repos/${given.repo}/issues/${given.number}/comments`;
      return refOf(shaped(comment, await client.json({ method: "POST", path, body: { body: marked(given.body, actKey) }, signal })));
    },
    async find(actKey, signal, { repo, number }) {
      // Newest first for the whole repository: comments of one issue come oldest first, and there may be thousands.
      const everywhere = { path: `/repos/${repo}/issues/comments`, query: { sort: "created", direction: "desc" }, signal };
      const here = { path: `/repos/${repo}/issues/${number}/comments`, query: {}, signal };
      const mine = (items: unknown) => shaped(z.array(comment), items).find((one) => one.body.includes(markerOf(actKey)));
      const found = (await search(client, everywhere, mine)) ?? (await search(client, here, mine));
      return found && refOf(found);
    },
  });
}

function openPull(server: GithubServer, client: GithubClient, check: Check): ToolPort {
  const refOf = ({ number, url, head, base, draft }: z.infer<typeof pull>): Json => ({ number, url, head, base, draft });
  return nativeTool(server, {
    ...WRITES,
    name: "pulls.write",
    description: "Opens a pull request, as a draft unless told otherwise.",
    args: z.strictObject({ repo: repository, title, head: branch, base: branch.default("main"), body: body.default(""), draft: z.boolean().default(true) }),
    check,
    async invoke(given, { actKey, signal }) {
      check(given);
      const { repo, ...wanted } = given;
      const sent = { ...wanted, body: marked(given.body, actKey) };
      return refOf(shaped(pull, await client.json({ method: "POST", path: `/repos/${repo}/pulls`, body: sent, signal })));
    },
    async find(actKey, signal, { repo, head }) {
      const query = { state: "all", sort: "created", direction: "desc", head: `${repo.split("/")[0]}:${head}` };
      const found = await search(client, { path: `/repos/${repo}/pulls`, query, signal }, (items) =>
        shaped(z.array(pull), items).find((one) => one.body.includes(markerOf(actKey))),
      );
      return found && refOf(found);
    },
  });
}

interface Pages {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

async function search<T>(client: GithubClient, { path, query, signal }: Pages, pick: (items: unknown) => T | undefined): Promise<T | undefined> {
  for (let page = 1; page <= PAGES; page += 1) {
    const items = await client.jsonOrNull({ path, query: { ...query, per_page: PER_PAGE, page }, signal });
    if (!Array.isArray(items)) return undefined;
    const found = pick(items);
    if (found !== undefined) return found;
    if (items.length < PER_PAGE) return undefined;
  }
  return undefined;
}
