import { inTransaction, type Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { newId, type RunId, type TicketId } from "#src/kernel/ids.ts";
import type { Caller } from "#src/people/principal.ts";
import { isMachine } from "#src/people/role.ts";
import type { Trust } from "#src/policy/trust.ts";
import { createRun } from "#src/runs/create.ts";
import { insertTicket } from "#src/tickets/store/create.ts";
import { moveTicket } from "#src/tickets/store/move.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { LoopDeps } from "../contract/verb.ts";
import { noteAction } from "../store/action-lines.ts";
import { readByCaller } from "../store/read-by-caller.ts";
import { liveRunOf, lockWorkerName } from "../store/worker-asks.ts";
import { openTicketOf, type WorkerTicket } from "../store/worker-tickets.ts";

export interface WorkerOrder {
  readonly name: string;
  readonly prompt: string;
  /** Left out: the one agent that starts a program. */
  readonly agent?: string | undefined;
  /** In place of the command of its file. */
  readonly command?: string | undefined;
  readonly verify?: string | undefined;
  /** What the journal says in place of the usual line. */
  readonly journal?: string | undefined;
}

/**
 * Queues a run that starts a worker: on the open ticket of its name where there is one, else on a new one. Under one name one works at a time.
 * @throws LoopError worker_exists | agent_unknown | input_invalid
 */
export async function startWorker(deps: LoopDeps, caller: Caller, order: WorkerOrder): Promise<{ readonly runId: RunId; readonly ticketId: TicketId }> {
  const { db, clock, tiers } = deps;
  const { revision, workspace } = await deps.workspaces.current();
  const agent = agentFor(workspace, order.agent);
  const place = { clock, revision, workspace, tiers: tiers(workspace) };
  const { name, prompt, command, verify } = order;
  const read = await readByCaller(db, caller);
  const brief = { worker: { ...(command === undefined ? {} : { command }), ...(verify === undefined ? {} : { verify }) }, ...read };
  const input = { text: prompt, source: caller.handle, trust: trustOf(caller) };
  const made = await inTransaction(db, async (tx) => {
    await lockWorkerName(tx, name);
    if (await liveRunOf(tx, name)) {
      throw new LoopError("worker_exists", `worker ${name} is already running. Choose another name, or end it first: \`loop _ kill ${name}\`.`, {
        facts: { worker: name },
      });
    }
    const before = await openTicketOf(tx, name);
    const ticketId = before ? await reopened(tx, before) : await openTicket(deps, tx, { caller, order, agent });
    const retryOf = before?.runId ? { retryOf: { runId: before.runId, attempt: before.attempt } } : {};
    const runId = await createRun(tx, place, { agent, ticketId, threadId: null, labels: {}, input, brief, requestedBy: caller.id, ...retryOf });
    await noteAction(tx, clock, { caller, line: order.journal ?? `start-worker ${name}`, runId });
    return { runId, ticketId };
  });
  deps.changed?.();
  return made;
}

async function reopened(tx: Transaction, { ticketId }: WorkerTicket): Promise<TicketId> {
  await moveTicket(tx, ticketId, { status: "triaged" });
  return ticketId;
}

interface Opening {
  readonly caller: Caller;
  readonly order: WorkerOrder;
  readonly agent: string;
}

const TITLE_CHARACTERS = 80;

async function openTicket({ clock }: LoopDeps, tx: Transaction, { caller, order, agent }: Opening): Promise<TicketId> {
  const { name, prompt } = order;
  const id = newId("tkt", clock.nowMs());
  const trust = trustOf(caller);
  const title = `${name}: ${prompt.trim().split("\n", 1)[0]}`.slice(0, TITLE_CHARACTERS).toWellFormed();
  const routeReason = `${caller.handle} started the worker ${name}`;
  const from = { source: "loop", sender: caller.handle, senderPrincipalId: caller.id, trust };
  await insertTicket(tx, { id, alias: name, title, body: prompt, language: null, ...from, threadId: null, labels: {}, agent, routeReason });
  const payload = { surface: "loop", sender: caller.handle, trust, worker: name, text: prompt, agent, reason: routeReason };
  await append(tx, clock, [{ kind: "ticket.opened", actor: caller.id, ticketId: id, payload }]);
  return id;
}

const trustOf = ({ roles }: Caller): Trust => (isMachine(roles) ? "agent" : roles.includes("owner") ? "owner" : "member");

/** @throws LoopError agent_unknown | input_invalid */
function agentFor({ agents }: Workspace, wanted: string | undefined): string {
  const able = agents.filter(({ runner }) => runner === "command").map(({ name }) => name);
  const names = able.join(", ") || "none";
  if (wanted === undefined) {
    const [one, second] = able;
    if (one && !second) return one;
    if (able.includes("worker")) return "worker";
    const seen = one
      ? `Several agents start a program: ${names}. Say which with --agent`
      : "No agent of this workspace starts a program. Add agents/worker.yaml with `runner: command` and `command: { preset: claude }`, and apply it";
    throw new LoopError("agent_unknown", `${seen}.`, { facts: { agents: able.length } });
  }
  if (able.includes(wanted)) return wanted;
  const known = agents.some(({ name }) => name === wanted);
  throw new LoopError(
    known ? "input_invalid" : "agent_unknown",
    `${known ? `The agent ${wanted} starts no program` : `There is no agent ${wanted}`}. Agents with the runner command: ${names}.`,
    {
      facts: { agent: wanted },
    },
  );
}
