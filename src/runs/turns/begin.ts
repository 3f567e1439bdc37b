import type { Transaction } from "#src/database/open.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { RunId, ThreadId } from "#src/kernel/ids.ts";
import { principalByHandle } from "#src/people/store/principals.ts";
import { deliveredExchanges, takeMessages, waitingMessages } from "#src/tickets/store/thread-messages.ts";
import { requireThread } from "#src/tickets/store/threads.ts";
import type { Thread, ThreadMessage } from "#src/tickets/thread.ts";
import { TRUSTS } from "#src/policy/trust.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { createRun, type RunPlace } from "../create.ts";
import { type ReadSoFar, readSoFar } from "../read-so-far.ts";
import type { RunBrief } from "../run.ts";
import { readStates } from "../store/state.ts";
import { lastTurnOf } from "../store/turns.ts";
import { saidIn } from "./said-in.ts";

/**
 * Begins the next turn of a thread: a run over what waits there, with the exchanges before as its history. Undefined when nothing waits. The caller has seen,
 * under the lock of the thread, that no run of it is open. @throws LoopError agent_unknown | model_missing, before anything is written
 */
export async function beginTurn(tx: Transaction, place: RunPlace, threadId: ThreadId): Promise<RunId | undefined> {
  const messages = oneTurn(await waitingMessages(tx, threadId));
  const first = messages[0];
  if (!first) return undefined;
  const thread = await requireThread(tx, threadId);
  const { agent, givers, brief } = await keeperOf(tx, place.workspace, { thread, brief: (first.brief as RunBrief | null) ?? {} });
  const most = place.workspace.agents.find(({ name }) => name === agent)?.history ?? 0;
  const exchanges = await deliveredExchanges(tx, threadId, most);
  const history = exchanges.map((message) => ({ ...earlier(message), role: message.role }));
  const runId = await createRun(tx, place, {
    agent,
    ticketId: null,
    threadId,
    labels: labelsOf(thread),
    input: saidIn(first),
    further: messages.slice(1).map(saidIn),
    history,
    brief: { ...brief, ...(await readBefore(tx, exchanges)) },
    requestedBy: (await principalByHandle(tx, first.author))?.id,
    givers,
  });
  failpoint("turn.run");
  const ids = messages.map(({ id }) => id as string);
  await takeMessages(tx, runId, ids);
  failpoint("turn.taken");
  return runId;
}

/** Its own, and where it is held, so that a channel may have a budget. Sessions of a service are no place of people. */
const labelsOf = ({ surface, channel, labels }: Thread): Thread["labels"] =>
  Object.hasOwn(labels, "service") ? labels : { ...labels, channel: `${surface}:${channel}` };

/** What the runs had read whose answers a turn begins with: an answer is as trustworthy as that. Those of earlier versions do not say, so their runs are looked at. */
async function readBefore(tx: Transaction, exchanges: readonly ThreadMessage[]): Promise<Pick<RunBrief, "taint" | "sawPrivate">> {
  const answers = exchanges.filter(({ role }) => role === "agent");
  const unsaid = answers.flatMap(({ brief, runId }) => (brief === null && runId !== null ? [runId] : []));
  const said = answers.flatMap(({ brief }) => (brief === null ? [] : [brief as unknown as ReadSoFar]));
  const read = [...said, ...(await readStates(tx, unsaid)).map(readSoFar)];
  const taint = TRUSTS.filter((trust) => read.some((one) => one.taint.includes(trust)));
  return { ...(taint.length > 0 ? { taint } : {}), ...(read.some(({ sawPrivate }) => sawPrivate) ? { sawPrivate: true } : {}) };
}

/** What one run takes: a message with a turn of its own, or all that came before the next such one. */
function oneTurn(waiting: readonly ThreadMessage[]): readonly ThreadMessage[] {
  if (waiting[0]?.way === "turn") return waiting.slice(0, 1);
  const next = waiting.findIndex(({ way }) => way === "turn");
  return next === -1 ? waiting : waiting.slice(0, next);
}

/** Files of earlier turns are named and not sent again. */
function earlier(message: ThreadMessage) {
  const names = message.attachments.map(({ name }) => `[file of an earlier turn: ${name}]`);
  return { ...saidIn({ ...message, attachments: [] }), text: [message.text, ...names].join("\n") };
}

/** Whoever the last turn was handed to keeps the conversation, with no more authority than it had there; else the agent of the thread. */
async function keeperOf(
  tx: Transaction,
  workspace: Workspace,
  { thread, brief }: { readonly thread: Thread; readonly brief: RunBrief },
): Promise<{ readonly agent: string; readonly givers: readonly string[]; readonly brief: RunBrief }> {
  const last = await lastTurnOf(tx, thread.id);
  const isThere = last !== undefined && workspace.agents.some(({ name }) => name === last.agent);
  if (!last?.brief.chain || !isThere) return { agent: thread.agent, givers: [], brief };
  const asked =
    last.state === "done" ? last.brief.handoffs?.find(({ from, on }) => from === last.agent && typeof on === "object" && "confirm" in on) : undefined;
  const confirming = asked && typeof asked.on === "object" && "confirm" in asked.on ? { confirming: { to: asked.to, yes: asked.on.yes } } : {};
  return { agent: last.agent, givers: last.limits.givers ?? [], brief: { ...brief, chain: last.brief.chain, ...confirming } };
}
