import { z } from "zod";
import { nativeTool } from "#src/acts/ports/native-tool.ts";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { GithubServer } from "./auth.ts";
import type { GithubClient } from "./client.ts";
import { unmarked } from "./marker.ts";
import { type Common, number, READS, ref } from "./reading.ts";
import { repository } from "./repositories.ts";
import { checkRuns, contents, pull, pullFile, shaped } from "./shapes.ts";

/** Pull requests, checks, logs and files. */
export function pullReads(server: GithubServer, client: GithubClient, { check, cut }: Common): ToolPort[] {
  return [
    nativeTool(server, {
      ...READS,
      check,
      name: "pulls.read",
      description: "Reads a pull request with the changes of its files.",
      args: z.strictObject({ repo: repository, number }),
      async invoke({ repo, number: wanted }, { signal }) {
        const one = shaped(pull, await client.json({ path: `/repos/${repo}/pulls/${wanted}`, signal }));
        const files = shaped(
          z.array(pullFile),
          (await client.jsonOrNull({ path: `/repos/${repo}/pulls/${wanted}/files`, query: { per_page: 100 }, signal })) ?? [],
        );
        return { ...one, body: cut(unmarked(one.body), 8), files: files.map((file) => ({ ...file, patch: cut(file.patch, 2 * Math.max(files.length, 1)) })) };
      },
    }),
    nativeTool(server, {
      ...READS,
      check,
      name: "checks.read",
      description: "Lists the checks of a branch or commit, with what they concluded.",
      args: z.strictObject({ repo: repository, ref }),
      async invoke({ repo, ref: at }, { signal }) {
        const { check_runs } = shaped(
          checkRuns,
          await client.json({ path: `/repos/${repo}/commits/${encodeURIComponent(at)}/check-runs`, query: { per_page: 100 }, signal }),
        );
        return { checks: check_runs.map((run) => ({ ...run, summary: cut(run.summary, 32) })) };
      },
    }),
    nativeTool(server, {
      ...READS,
      check,
      name: "ci.logs",
      description: "The end of the log of a job of a workflow.",
      args: z.strictObject({ repo: repository, job: number, tailBytes: z.int().min(256).max(1_048_576).default(32_768) }),
      async invoke({ repo, job, tailBytes }, { signal }) {
        const log = await client.tail({
          path: `/repos/${repo}/actions/jobs/${job}/logs`,
          tailBytes: Math.min(tailBytes, server.limits.maxResultBytes),
          signal,
        });
        return { job, ...log };
      },
    }),
    readContents(server, client, { check, cut }),
  ];
}

function readContents(server: GithubServer, client: GithubClient, { check, cut }: Common): ToolPort {
  const path = z
    .string()
    .max(1_000)
    .default("")
    .refine((given) => !given.split("/").includes("..") && !/\p{Cc}/u.test(given), "expected a path in the repository");
  return nativeTool(server, {
    ...READS,
    check,
    name: "contents.read",
    description: "Reads a file of a repository, or lists a folder.",
    args: z.strictObject({ repo: repository, path, ref: ref.optional() }),
    async invoke({ repo, path: wanted, ref: at }, { signal }) {
      const way = wanted
        .split("/")
        .filter((part) => part !== "" && part !== ".")
        .map(encodeURIComponent)
        .join("/");
      const read = shaped(contents, await client.json({ path: `/repos/${repo}/contents/${way}`, query: { ref: at }, signal }));
      if (Array.isArray(read)) return { path: wanted, entries: read.map(({ name, type, size }) => ({ name, kind: type, sizeBytes: size })) };
      const bytes = Buffer.from(read.content, "base64");
      const head = { path: read.path, sha: read.sha, sizeBytes: read.size };
      if (read.encoding !== "base64" || bytes.includes(0)) return { ...head, note: "not a text of up to 1 MB; its content is left out" };
      const text = bytes.toString("utf8");
      return { ...head, text: cut(text, 1), truncated: bytes.length > server.limits.maxResultBytes };
    },
  });
}
