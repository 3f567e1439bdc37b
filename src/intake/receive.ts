import type { Answerer } from "#src/asks/ask.ts";
import { type Db, inTransaction, type Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { digestOf } from "#src/kernel/canonical-json.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { newId, type RunId, type TicketId } from "#src/kernel/ids.ts";
import type { Trust } from "#src/policy/trust.ts";
import { createRun } from "#src/runs/create.ts";
import type { ModelTiers } from "#src/runs/think/tiers.ts";
import { insertTicket } from "#src/tickets/store/create.ts";
import { requireTicket } from "#src/tickets/store/read.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { type InboundMessage, readMessage } from "./read-message.ts";
import { route } from "./route.ts";
import { countRefusal, findDelivery, insertDelivery } from "./store/deliveries.ts";

export interface IntakeDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly workspaces: WorkspaceView;
  readonly tiers: (workspace: Workspace) => ModelTiers;
  /** False while the disk is full or the server stops: new work is refused, what is there goes on. */
  readonly mayTake: () => boolean;
  /** Who a sender is on a surface; undefined: somebody outside. */
  readonly whoIs: (surface: string, sender: string) => Promise<Answerer | undefined>;
}

export interface Received {
  readonly kind: "created" | "duplicate";
  readonly ticketId: TicketId;
  readonly number: number;
  readonly runId: RunId;
}

class Duplicate extends Error {}

/**
 * Takes a message in: a ticket and a queued run, or, for an external id that was delivered before, those that there are. Safe to repeat.
 * @throws LoopError input_invalid | delivery_conflict (another body under a known id) | storage_full
 */
export async function receiveText(deps: IntakeDeps, given: unknown, start?: Start): Promise<Received> {
  const { revision, workspace } = await deps.workspaces.current();
  const message = readMessage(given, workspace);
  const before = await deliveredBefore(deps, message);
  if (before) return before;
  if (!deps.mayTake())
    throw new LoopError("storage_full", "No new work is taken: the disk is nearly full. What is there can be read; free space and it goes on by itself.");
  failpoint("intake.read");
  const sender = await deps.whoIs(message.surface, message.sender);
  try {
    const received = await inTransaction(deps.db, (tx) => open(tx, deps, { message, sender, revision, workspace, start }));
    failpoint("intake.committed");
    return received;
  } catch (error) {
    if (!(error instanceof Duplicate)) throw error;
    return (await deliveredBefore(deps, message))!; // the same message came twice at once; the other one won
  }
}

/** What a trigger that fired says of its message: who gets it and why, and that the text is the workspace's own. Nobody outside can say so. */
export interface Start {
  readonly agent: string;
  readonly reason: string;
  readonly task?: string | undefined;
  readonly trust: Trust;
}

interface Opening {
  readonly start: Start | undefined;
  readonly message: InboundMessage;
  readonly sender: Answerer | undefined;
  readonly revision: number;
  readonly workspace: Workspace;
}

async function open(tx: Transaction, deps: IntakeDeps, { message, sender, revision, workspace, start }: Opening): Promise<Received> {
  const { clock } = deps;
  const id = newId("tkt", clock.nowMs());
  const { agent, reason, task } = start ?? route(workspace, message);
  const trust = start?.trust ?? trustIn(sender);
  const { text, labels, language = null } = message;
  await insertTicket(tx, {
    id,
    title: titleOf(text),
    body: text,
    language,
    source: message.surface,
    sender: message.sender,
    senderPrincipalId: sender?.id ?? null,
    trust,
    threadId: null,
    labels,
    agent,
    routeReason: reason,
  });
  failpoint("intake.ticket");
  if (message.externalId !== undefined) {
    const delivery = {
      provider: message.provider,
      externalId: message.externalId,
      bodyDigest: digestOfBody(message),
      ticketId: id,
      provenance: { surface: message.surface, sender: message.sender, trust },
    };
    if (!(await insertDelivery(tx, delivery))) throw new Duplicate();
    failpoint("intake.delivery");
  }
  await append(tx, clock, [
    {
      kind: "ticket.opened",
      actor: sender?.id ?? "system",
      ticketId: id,
      payload: { surface: message.surface, sender: message.sender, trust, labels, language, text, agent, reason },
    },
  ]);
  const input = { text, source: message.sender, trust };
  const runId = await createRun(
    tx,
    { clock, revision, workspace, tiers: deps.tiers(workspace) },
    { agent, ticketId: id, threadId: null, labels, task: message.task ?? task, input },
  );
  failpoint("intake.run");
  return { kind: "created", ticketId: id, runId, number: (await requireTicket(tx, id)).number };
}

/** How far the words of a sender are trusted. */
export function trustIn(sender: Answerer | undefined): Trust {
  if (!sender) return "outside";
  return sender.roles.includes("owner") ? "owner" : "member";
}

async function deliveredBefore(deps: IntakeDeps, message: InboundMessage): Promise<Received | undefined> {
  const { provider, externalId } = message;
  if (externalId === undefined) return undefined;
  const known = await findDelivery(deps.db, provider, externalId);
  if (!known) return undefined;
  const { ticketId, number, runId } = known;
  if (known.bodyDigest === digestOfBody(message)) return { kind: "duplicate", ticketId, number, runId };
  await inTransaction(deps.db, async (tx) => {
    await countRefusal(tx, provider, externalId);
    await append(tx, deps.clock, [
      { kind: "delivery.refused", actor: "system", ticketId, payload: { provider, externalId, why: "another body under a known id" } },
    ]);
  });
  throw new LoopError(
    "delivery_conflict",
    `The id ${externalId} was delivered by ${provider} before, with another text: that is ticket #${number}. Send it under an id of its own.`,
    {
      facts: { ticket: ticketId },
    },
  );
}

const digestOfBody = ({ text, sender, surface }: InboundMessage): string => digestOf({ text, sender, surface });

const TITLE_CHARACTERS = 80;
const graphemes = new Intl.Segmenter();

function titleOf(text: string): string {
  const line = text.trim().split(/\r?\n/, 1)[0]!.trim();
  const characters = [...graphemes.segment(line.slice(0, 4 * TITLE_CHARACTERS))];
  return characters.length <= TITLE_CHARACTERS
    ? line
    : `${characters
        .slice(0, TITLE_CHARACTERS - 1)
        .map(({ segment }) => segment)
        .join("")}…`;
}
