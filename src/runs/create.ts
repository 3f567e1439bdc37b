import type { Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { newId, type RunId, type ThreadId, type TicketId } from "#src/kernel/ids.ts";
import type { Trust } from "#src/policy/trust.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { lanesOfRun } from "./lanes.ts";
import { insertMessage, insertRun } from "./store/write.ts";
import { hasModel } from "./think/model-policy.ts";
import type { ModelTiers } from "./think/tiers.ts";

export interface RunRequest {
  readonly agent: string;
  readonly ticketId: TicketId | null;
  readonly threadId: ThreadId | null;
  readonly labels: Readonly<Record<string, string>>;
  /** What kind of work it is, where that is known; models are chosen by it. */
  readonly task?: string | undefined;
  /** What the run is about, in the words of whoever brought it. */
  readonly input: { readonly text: string; readonly source: string; readonly trust: Trust };
  readonly retryOf?: { readonly runId: RunId; readonly attempt: number };
}

export interface RunPlace {
  readonly clock: Clock;
  readonly revision: number;
  readonly workspace: Workspace;
  readonly tiers: ModelTiers;
}

/** Queues a run; it is due when the transaction commits. @throws LoopError agent_unknown | model_missing */
export async function createRun(tx: Transaction, place: RunPlace, request: RunRequest): Promise<RunId> {
  const { clock, workspace, tiers } = place;
  const agent = workspace.agents.find((known) => known.name === request.agent);
  if (!agent) {
    const known = workspace.agents.map((other) => other.name).join(", ");
    throw new LoopError("agent_unknown", `There is no agent ${request.agent} in the workspace. Known: ${known || "none"}.`, {
      facts: { agent: request.agent },
    });
  }
  if (agent.runner === "model" && !hasModel(agent, tiers)) {
    throw new LoopError(
      "model_missing",
      `The agent ${agent.name} thinks with a model, and nothing names one. Add models to loop.yaml or to its file, or start with --model.`,
      { facts: { agent: agent.name } },
    );
  }
  const id = newId("run", clock.nowMs());
  const { defaults } = workspace.manifest;
  await insertRun(tx, {
    id,
    ticketId: request.ticketId,
    threadId: request.threadId,
    agent: agent.name,
    runner: agent.runner === "auto" ? (hasModel(agent, tiers) ? "model" : "rules") : agent.runner,
    procedure: agent.procedure,
    labels: request.labels,
    limits: {
      maxTurns: agent.maxTurns ?? defaults.maxTurns,
      maxOutputTokens: agent.models?.maxOutputTokens ?? defaults.maxOutputTokens,
      ...(request.task === undefined ? {} : { task: request.task }),
    },
    revision: place.revision,
    attempt: (request.retryOf?.attempt ?? 0) + 1,
    retryOf: request.retryOf?.runId ?? null,
    lanes: lanesOfRun(workspace, request),
  });
  await insertMessage(tx, id, { seq: 1, role: "input", name: null, ...request.input, content: { text: request.input.text } });
  await append(tx, clock, [
    {
      kind: "run.queued",
      actor: "system",
      runId: id,
      ...(request.ticketId ? { ticketId: request.ticketId } : {}),
      payload: { agent: agent.name, revision: place.revision, retryOf: request.retryOf?.runId ?? null },
    },
  ]);
  return id;
}
