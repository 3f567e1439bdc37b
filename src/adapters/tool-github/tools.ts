import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { GithubDeps, GithubServer } from "./auth.ts";
import { githubClient } from "./client.ts";
import { proposePull } from "./propose.ts";
import { githubReads } from "./reads.ts";
import { githubWrites } from "./writes.ts";

/** GitHub and GitHub Enterprise by REST: issues, pull requests, checks, logs and files of the repositories that the file names. */
export function githubTools(server: GithubServer, deps: GithubDeps): ToolPort[] {
  const client = githubClient(server, deps);
  return [...githubReads(server, client), ...githubWrites(server, client), proposePull(server, client)];
}
