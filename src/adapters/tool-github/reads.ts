import { z } from "zod";
import { nativeTool } from "#src/acts/ports/native-tool.ts";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { GithubServer } from "./auth.ts";
import type { GithubClient } from "./client.ts";
import { unmarked } from "./marker.ts";
import { pullReads } from "./pull-reads.ts";
import { type Common, type Cut, cutter, number, READS } from "./reading.ts";
import { isListed, repository, requireListed } from "./repositories.ts";
import { comment, issue, type Issue, shaped } from "./shapes.ts";

const limit = z.int().min(1).max(100).default(30);

/** What is read of GitHub: worded by whoever may write there, and not for everybody's eyes. */
export function githubReads(server: GithubServer, client: GithubClient): ToolPort[] {
  const check = ({ repo }: { readonly repo: string }): void => requireListed(server, repo);
  const cut = cutter(server.limits.maxResultBytes);
  return [
    readIssue(server, client, { check, cut }),
    listIssues(server, client, { check, cut }),
    searchIssues(server, client, { check, cut }),
    ...pullReads(server, client, { check, cut }),
  ];
}

const brief = ({ body, ...one }: Issue, cut: Cut): Json => ({ ...one, body: cut(unmarked(body), 8) });

function readIssue(server: GithubServer, client: GithubClient, { check, cut }: Common): ToolPort {
  return nativeTool(server, {
    ...READS,
    check,
    name: "issues.read",
    description: "Reads an issue or a pull request with its comments.",
    args: z.strictObject({ repo: repository, number }),
    async invoke({ repo, number: wanted }, { signal }) {
      const [one, said] = await Promise.all([
        client.json({ path: `/repos/${repo}/issues/${wanted}`, signal }),
        client.json({ path: `/repos/${repo}/issues/${wanted}/comments`, query: { per_page: 100 }, signal }),
      ]);
      const comments = shaped(z.array(comment), said).map(({ author, createdAt, url, body }) => ({ author, createdAt, url, body: cut(unmarked(body), 64) }));
      const read = shaped(issue, one);
      return { ...read, body: cut(unmarked(read.body), 3), comments, commentsInAll: read.comments };
    },
  });
}

function listIssues(server: GithubServer, client: GithubClient, { check, cut }: Common): ToolPort {
  return nativeTool(server, {
    ...READS,
    check,
    name: "issues.list",
    description: "Lists issues, newest first.",
    args: z.strictObject({
      repo: repository,
      state: z.enum(["open", "closed", "all"]).default("open"),
      labels: z.array(z.string().max(50)).max(10).default([]),
      limit,
    }),
    async invoke({ repo, state, labels, limit: most }, { signal }) {
      const query = { state, per_page: most, ...(labels.length > 0 ? { labels: labels.join(",") } : {}) };
      const found = shaped(z.array(issue), await client.json({ path: `/repos/${repo}/issues`, query, signal }));
      return {
        issues: found
          .slice(0, most)
          .filter(({ isPull }) => !isPull)
          .map((one) => brief(one, cut)),
      };
    },
  });
}

function searchIssues(server: GithubServer, client: GithubClient, { check, cut }: Common): ToolPort {
  return nativeTool(server, {
    ...READS,
    check: (args) => {
      check(args);
      requireOwnScope(args.query);
    },
    name: "issues.search",
    description: "Searches issues and pull requests of one repository.",
    args: z.strictObject({ repo: repository, query: z.string().min(1).max(200), limit }),
    async invoke({ repo, query, limit: most }, { signal }) {
      requireOwnScope(query);
      const answer = await client.json({ path: "/search/issues", query: { q: `${query} repo:${repo}`, per_page: most }, signal });
      const { items } = shaped(z.object({ items: z.array(issue) }), answer);
      // Should GitHub have read the query in another way than we did, nothing of another repository is shown.
      return {
        issues: items
          .filter((one) => one.repository === "" || (one.repository.toLowerCase() === repo.toLowerCase() && isListed(server, one.repository)))
          .map((one) => brief(one, cut)),
      };
    },
  });
}

function requireOwnScope(query: string): void {
  if (!/\b(?:repo|org|user|owner|enterprise|fork)\s*:/i.test(query)) return;
  throw new LoopError(
    "input_invalid",
    "The query names a repository, an owner or an organisation. Expected words and qualifiers such as is:open; the repository is given by itself.",
  );
}
