import { type Db, inTransaction, type Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { RunId } from "#src/kernel/ids.ts";
import type { Proposal } from "#src/learning/proposal.ts";
import { createRun, type RunPlace } from "#src/runs/create.ts";
import type { PlannedAct } from "#src/runs/procedure.ts";
import type { ToolServer, Workspace } from "#src/workspace/model.ts";
import { type Decider, requireProposal } from "./proposals.ts";

/** The repository of the workspace, and the server of tools that reaches it. */
export interface PullTarget {
  readonly server: string;
  readonly repo: string;
}

interface Remote {
  readonly host: string;
  readonly repo: string;
}

/** Where a pull request of this workspace can go; undefined where its folder has no remote that a `github` server of tools/ reaches. */
export function pullTarget(workspace: Workspace, remote: Remote | undefined): PullTarget | undefined {
  if (!remote) return undefined;
  const server = workspace.toolServers.find(({ from }) => from.by === "github" && isHostOf(from.baseUrl, remote.host) && isListed(from, remote.repo));
  return server && { server: server.name, repo: remote.repo };
}

const isHostOf = (baseUrl: string, host: string): boolean => {
  const { hostname } = new URL(baseUrl);
  return hostname === host || (hostname === "api.github.com" && host === "github.com");
};

const isListed = ({ repositories }: Extract<ToolServer["from"], { by: "github" }>, repo: string): boolean =>
  repositories.some((pattern) =>
    new RegExp(
      `^${pattern
        .split("*")
        .map((piece) => piece.replaceAll(".", "\\."))
        .join("[^/]*")}$`,
      "i",
    ).test(repo),
  );

export interface PullWish {
  readonly id: string;
  readonly by: Decider;
  readonly target: PullTarget | undefined;
  readonly base?: string | undefined;
}

/**
 * Queues a run that puts the files of a proposal on a branch of its own and opens the pull request, by an act of kind `push`: policy says whether it may, and
 * whom it asks. Again while it is open: the run fails, and names it. @throws LoopError proposal_unknown | proposal_not_open | input_invalid | agent_unknown
 */
export const openPullRequest = (db: Db, place: RunPlace, wish: PullWish): Promise<RunId> => inTransaction(db, (tx) => queue(tx, place, wish));

async function queue(tx: Transaction, place: RunPlace, { id, by, target, base }: PullWish): Promise<RunId> {
  const proposal = await requireProposal(tx, id);
  if (proposal.state !== "open" && proposal.state !== "accepted")
    throw new LoopError("proposal_not_open", `The proposal ${id} was ${proposal.state}. A pull request is opened for one that is open or accepted.`, {
      facts: { proposal: id, state: proposal.state },
    });
  if (!target)
    throw new LoopError(
      "input_invalid",
      "The workspace has no repository that a tool server reaches. Expected a folder in git with a remote `origin`, and a file of tools/ with `by: github` that lists it.",
    );
  const { workspace } = place;
  const agent = workspace.manifest.defaults.agent ?? workspace.agents[0]?.name ?? "";
  const call: PlannedAct = {
    kind: "push",
    name: `${target.server}.pulls.propose`,
    effect: "findable",
    args: argsOf(proposal, target, base),
    facts: { risk: "medium", outbound: true, labels: {}, ofProcedure: true },
  };
  const input = { text: `${by.handle} opens the pull request of ${id}`, source: by.handle, trust: "member" as const };
  const runId = await createRun(tx, place, { agent, ticketId: null, threadId: null, labels: {}, input, requestedBy: by.id, call });
  await append(tx, place.clock, [{ kind: "proposal.published", actor: by.id, runId, payload: { proposal: id, by: by.handle, repo: target.repo, run: runId } }]);
  return runId;
}

function argsOf({ id, title, reason, files }: Proposal, { repo }: PullTarget, base: string | undefined) {
  return {
    repo,
    title: title.slice(0, 250),
    body: `${reason}\n\nProposal ${id}. When it is merged, \`loop plan\` shows what changes, and \`loop apply\` puts it in force.`.slice(0, 60_000),
    branch: `loopwright/${id}`,
    files: files.map(({ path, text }) => ({ path, text })),
    draft: true,
    ...(base === undefined ? {} : { base }),
  };
}
