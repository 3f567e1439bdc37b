import { z } from "zod";
import { LoopError } from "#src/kernel/errors.ts";

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");
const person = z
  .object({ login: z.string() })
  .nullish()
  .transform((value) => value?.login ?? "");

/** What is kept of an issue. https://docs.github.com/en/rest/issues/issues */
export const issue = z
  .object({
    number: z.int(),
    title: text,
    state: text,
    html_url: text,
    body: text,
    user: person,
    labels: z.array(z.union([z.string(), z.object({ name: text })])).default([]),
    assignees: z.array(person).nullish(),
    comments: z.number().default(0),
    created_at: text,
    updated_at: text,
    pull_request: z.unknown().optional(),
    repository_url: text,
  })
  .transform((it) => ({
    number: it.number,
    title: it.title,
    state: it.state,
    url: it.html_url,
    author: it.user,
    labels: it.labels.map((label) => (typeof label === "string" ? label : label.name)),
    assignees: it.assignees ?? [],
    comments: it.comments,
    createdAt: it.created_at,
    updatedAt: it.updated_at,
    isPull: it.pull_request !== undefined && it.pull_request !== null,
    repository: it.repository_url.split("/").slice(-2).join("/"),
    body: it.body,
  }));
export type Issue = z.infer<typeof issue>;

export const comment = z
  .object({ id: z.number(), html_url: text, issue_url: text, body: text, user: person, created_at: text })
  .transform((it) => ({ id: it.id, url: it.html_url, issueUrl: it.issue_url, author: it.user, createdAt: it.created_at, body: it.body }));

const side = z
  .object({ ref: text, sha: text })
  .nullish()
  .transform((value) => value ?? { ref: "", sha: "" });

/** https://docs.github.com/en/rest/pulls/pulls */
export const pull = z
  .object({
    number: z.int(),
    title: text,
    state: text,
    draft: z.boolean().nullish(),
    merged: z.boolean().nullish(),
    html_url: text,
    body: text,
    user: person,
    head: side,
    base: side,
  })
  .transform((it) => ({
    number: it.number,
    title: it.title,
    state: it.state,
    draft: it.draft ?? false,
    merged: it.merged ?? false,
    url: it.html_url,
    author: it.user,
    head: it.head.ref,
    headSha: it.head.sha,
    base: it.base.ref,
    body: it.body,
  }));

export const pullFile = z
  .object({ filename: text, status: text, additions: z.number().default(0), deletions: z.number().default(0), patch: text })
  .transform((it) => ({ path: it.filename, status: it.status, additions: it.additions, deletions: it.deletions, patch: it.patch }));

/** https://docs.github.com/en/rest/checks/runs */
export const checkRuns = z.object({
  check_runs: z
    .array(
      z
        .object({
          id: z.number(),
          name: text,
          status: text,
          conclusion: text,
          html_url: text,
          details_url: text,
          output: z.object({ title: text, summary: text }).nullish(),
        })
        .transform((it) => ({
          id: it.id,
          name: it.name,
          status: it.status,
          conclusion: it.conclusion,
          url: it.html_url || it.details_url,
          title: it.output?.title ?? "",
          summary: it.output?.summary ?? "",
        })),
    )
    .default([]),
});

/** https://docs.github.com/en/rest/repos/contents */
export const contents = z.union([
  z.array(z.object({ name: text, type: text, size: z.number().default(0) })),
  z.object({ type: text, path: text, sha: text, size: z.number().default(0), content: text, encoding: text }),
]);

/** @throws LoopError tool_failed for what GitHub does not answer by its reference */
export function shaped<T extends z.ZodType>(schema: T, answer: unknown): z.infer<T> {
  const read = schema.safeParse(answer);
  if (read.success) return read.data;
  throw new LoopError(
    "tool_failed",
    `GitHub answered in another form than its reference describes: ${z.prettifyError(read.error).slice(0, 500)}. Check baseUrl.`,
  );
}
