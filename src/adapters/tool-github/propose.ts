import { z } from "zod";
import { nativeTool } from "#src/acts/ports/native-tool.ts";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { GithubServer } from "./auth.ts";
import type { GithubClient } from "./client.ts";
import { marked, markerOf } from "./marker.ts";
import { repository, requireListed } from "./repositories.ts";
import { pull, shaped } from "./shapes.ts";

/** Branches of ours: what stands there without a pull request may be replaced, since nobody else writes there. */
const OUR_BRANCHES = "loopwright/";

const path = z
  .string()
  .min(1)
  .max(500)
  .refine(
    (given) => !/\p{Cc}/u.test(given) && given.split("/").every((part) => part !== "" && part !== "." && part !== ".." && !/^\.git$/i.test(part)),
    "expected a path in the repository",
  );
const args = z.strictObject({
  repo: repository,
  title: z.string().trim().min(1).max(256),
  body: z.string().max(60_000).default(""),
  branch: z.string().regex(/^loopwright\/[A-Za-z0-9][A-Za-z0-9_-]{0,200}$/, `expected a branch that begins with ${OUR_BRANCHES}`),
  base: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_./-]{0,200}$/)
    .refine((name) => !name.includes(".."))
    .default("main"),
  files: z
    .array(z.strictObject({ path, text: z.string().max(1_048_576) }))
    .min(1)
    .max(100),
  draft: z.boolean().default(true),
});
type Given = z.infer<typeof args>;

const sha = z.object({ sha: z.string().min(7) });
const head = z.object({ object: sha });
const commit = z.object({ tree: sha });

/** `pulls.propose`: a branch of ours with these files, one commit on top of the base, and its pull request. */
export function proposePull(server: GithubServer, client: GithubClient): ToolPort {
  return nativeTool(server, {
    name: "pulls.propose",
    description: "Puts files on a branch of its own and opens a pull request for it, as a draft unless told otherwise.",
    args,
    effect: "findable",
    terms: { risk: "medium", outbound: true, private: false, untrusted: false },
    check: ({ repo }) => requireListed(server, repo),
    async invoke(given, { actKey, signal }) {
      requireListed(server, given.repo);
      const open = await openPullOf(client, given, signal);
      // What people are looking at is never replaced under their eyes.
      if (open) throw new LoopError("tool_failed", `${given.branch} has an open pull request already: ${open.url}. Name another branch, or close it first.`);
      await push(client, given, signal);
      const { repo, title, body, branch, base, draft } = given;
      const sent = { title, body: marked(body, actKey), head: branch, base, draft };
      return refOf(shaped(pull, await client.json({ method: "POST", path: `/repos/${repo}/pulls`, body: sent, signal })));
    },
    // The pull request is the last thing that is made; without it everything is made again, onto the same branch.
    async find(actKey, signal, given) {
      const open = await openPullOf(client, given, signal);
      return open?.body.includes(markerOf(actKey)) ? refOf(open) : undefined;
    },
  });
}

const refOf = ({ number, url, head: branch, base, draft }: z.infer<typeof pull>): Json => ({ number, url, head: branch, base, draft });

async function openPullOf(client: GithubClient, { repo, branch }: Given, signal: AbortSignal): Promise<z.infer<typeof pull> | undefined> {
  const query = { state: "open", head: `${repo.split("/")[0]}:${branch}`, per_page: 10 };
  const found = shaped(z.array(pull), (await client.jsonOrNull({ path: `/repos/${repo}/pulls`, query, signal })) ?? []);
  return found.find((one) => one.head === branch);
}

/** https://docs.github.com/en/rest/git */
async function push(client: GithubClient, { repo, title, branch, base, files }: Given, signal: AbortSignal): Promise<void> {
  const at = (rest: string): string => `/repos/${repo}/git/${rest}`;
  const read = await client.jsonOrNull({ path: at(`ref/heads/${base}`), signal });
  if (read === null) throw new LoopError("tool_failed", `${repo} has no branch ${base}, or the token may not see it. Name the branch to propose onto.`);
  const parent = shaped(head, read).object.sha;
  const { tree: before } = shaped(commit, await client.json({ path: at(`commits/${parent}`), signal }));
  const entries = files.map((file) => ({ path: file.path, mode: "100644", type: "blob", content: file.text }));
  const tree = shaped(sha, await client.json({ method: "POST", path: at("trees"), body: { base_tree: before.sha, tree: entries }, signal }));
  const made = shaped(sha, await client.json({ method: "POST", path: at("commits"), body: { message: title, tree: tree.sha, parents: [parent] }, signal }));
  const known = await client.jsonOrNull({ path: at(`ref/heads/${branch}`), signal });
  if (known === null) await client.json({ method: "POST", path: at("refs"), body: { ref: `refs/heads/${branch}`, sha: made.sha }, signal });
  else await client.json({ method: "PATCH", path: at(`refs/heads/${branch}`), body: { sha: made.sha, force: true }, signal });
}
