import type { Transaction } from "#src/database/open.ts";
import { prepareEvent } from "#src/journal/event.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { newId, type PrincipalId, type RunId, type ThreadId, type TicketId } from "#src/kernel/ids.ts";
import type { NewMessage } from "#src/acts/store/end.ts";
import type { Trust } from "#src/policy/trust.ts";
import type { Attachment } from "#src/tickets/thread.ts";
import type { Agent, Workspace } from "#src/workspace/model.ts";
import { lanesOfRun } from "./lanes.ts";
import type { PlannedAct } from "./procedure.ts";
import type { Message, RunBrief, RunState } from "./run.ts";
import { type Birth, insertRun, type NewRun } from "./store/write.ts";
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
  readonly input: Said;
  /** What was said before in its thread, oldest first. */
  readonly history?: readonly (Said & { readonly role: "person" | "agent" })[];
  /** What else was said since, oldest first. */
  readonly further?: readonly Said[];
  readonly brief?: RunBrief;
  /** Who brought the work, where that is a principal: nobody who must not approve what they asked for. */
  readonly requestedBy?: PrincipalId | undefined;
  /** Agents that gave this work to the run's agent, the first giver last. */
  readonly givers?: readonly string[];
  readonly parentRunId?: RunId;
  /** Left out: a new one. */
  readonly id?: RunId;
  /** Left out: that of its agent. */
  readonly procedure?: "judge";
  /** The one call of a tool that it is for; its procedure is then `call`, whatever its agent's is. */
  readonly call?: PlannedAct;
  readonly retryOf?: { readonly runId: RunId; readonly attempt: number };
}

/** One thing that somebody said. */
export interface Said {
  readonly text: string;
  readonly source: string;
  readonly trust: Trust;
  readonly attachments?: readonly Attachment[];
}

export interface RunPlace {
  readonly clock: Clock;
  readonly revision: number;
  readonly workspace: Workspace;
  readonly tiers: ModelTiers;
}

/** Queues a run; it is due when the transaction commits. @throws LoopError agent_unknown | model_missing */
export async function createRun(tx: Transaction, place: RunPlace, request: RunRequest): Promise<RunId> {
  const birth = birthOf(place, request);
  await insertRun(tx, birth);
  return birth.run.id;
}

/** The rows of a run that is to be made. @throws LoopError agent_unknown | model_missing */
export function birthOf(place: RunPlace, request: RunRequest): Birth {
  const { clock, workspace, tiers, revision } = place;
  const agent = workspace.agents.find((known) => known.name === request.agent);
  if (!agent) {
    const known = workspace.agents.map((other) => other.name).join(", ");
    throw new LoopError("agent_unknown", `There is no agent ${request.agent} in the workspace. Known: ${known || "none"}.`, {
      facts: { agent: request.agent },
    });
  }
  if (request.call === undefined && agent.runner === "model" && !hasModel(agent, tiers)) {
    throw new LoopError(
      "model_missing",
      `The agent ${agent.name} thinks with a model, and nothing names one. Add models to loop.yaml or to its file, or start with --model.`,
      { facts: { agent: agent.name } },
    );
  }
  const id = request.id ?? newId("run", clock.nowMs());
  const payload = { agent: agent.name, revision, retryOf: request.retryOf?.runId ?? null };
  const about = { runId: id, ...(request.ticketId ? { ticketId: request.ticketId } : {}) };
  const event = prepareEvent({ kind: "run.queued", actor: "system", ...about, payload }, clock.nowMs());
  return { run: newRun(place, agent, { ...request, id }), messages: transcriptOf(request), event };
}

/** What the next move of a run that was just made depends on; nothing else can have touched it. `nowMs`: by the database, when it was made. Not for turns of threads or work on tickets. */
export function stateOf({ run, messages }: Birth, nowMs: number): RunState {
  const begun = { state: "running", reason: null, turns: 0, createdAtMs: Math.floor(nowMs), endedAtMs: null } as const;
  const { lanes: _lanes, retryOf: _retryOf, ...kept } = run;
  return {
    run: { ...kept, ...begun, brief: run.brief ?? {}, parentRunId: run.parentRunId ?? null },
    ticket: null,
    messages: messages as readonly Message[],
    acts: [],
    asks: [],
    waiting: [],
    children: [],
    nowMs,
  };
}

/** How a transcript begins: the exchanges before, then what this run is about. */
function transcriptOf({ history = [], input, further = [], call }: RunRequest): NewMessage[] {
  if (call) return [{ ...entryOf(input), seq: 1, content: { text: input.text, call: call as unknown as Json } }];
  const before = history.map((said) => ({ ...entryOf(said), role: said.role === "agent" ? "note" : "input", name: "history" }));
  return [...before, ...[input, ...further].map(entryOf)].map((entry, index) => ({ ...entry, seq: index + 1 }));
}

/** An entry of a transcript for what somebody said. */
export function entryOf({ text, source, trust, attachments = [] }: Said): Omit<NewMessage, "seq"> {
  return { role: "input", name: null, source, trust, content: attachments.length === 0 ? { text } : { text, attachments: attachments as unknown as Json } };
}

/** Its start and its check, and some to spare. */
const WORKER_TURNS = 8;

function newRun({ workspace, tiers, revision }: RunPlace, agent: Agent, request: RunRequest & { readonly id: RunId }): NewRun {
  const { defaults } = workspace.manifest;
  return {
    id: request.id,
    ticketId: request.ticketId,
    threadId: request.threadId,
    agent: agent.name,
    runner: agent.runner === "auto" ? (hasModel(agent, tiers) ? "model" : "rules") : agent.runner,
    procedure: request.call !== undefined ? "call" : agent.runner === "command" ? "worker" : (request.procedure ?? agent.procedure),
    labels: request.labels,
    limits: {
      maxTurns: agent.runner === "command" ? WORKER_TURNS : (agent.maxTurns ?? defaults.maxTurns),
      maxOutputTokens: agent.models?.maxOutputTokens ?? defaults.maxOutputTokens,
      ...(request.task === undefined ? {} : { task: request.task }),
      ...(request.requestedBy === undefined ? {} : { requestedBy: request.requestedBy }),
      ...(request.givers?.length ? { givers: request.givers } : {}),
    },
    revision,
    attempt: (request.retryOf?.attempt ?? 0) + 1,
    retryOf: request.retryOf?.runId ?? null,
    brief: request.brief ?? {},
    parentRunId: request.parentRunId ?? null,
    lanes: lanesOfRun(workspace, request),
  };
}
