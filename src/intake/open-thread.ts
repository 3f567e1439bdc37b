import type { Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { newId } from "#src/kernel/ids.ts";
import { openThreadRow } from "#src/tickets/store/threads.ts";
import type { Thread } from "#src/tickets/thread.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { route } from "./route.ts";

export interface ThreadRequest {
  readonly surface: string;
  readonly channel: string;
  /** Left out: a thread of its own. */
  readonly externalId?: string | undefined;
  /** Left out: it is routed as messages are. */
  readonly agent?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly by: { readonly id: string; readonly handle: string };
}

/** Opens a conversation, or finds the one with this external id. @throws LoopError agent_unknown | input_invalid (its agent holds no conversations) */
export async function openThread(
  tx: Transaction,
  { clock, workspace }: { readonly clock: Clock; readonly workspace: Workspace },
  request: ThreadRequest,
): Promise<{ readonly thread: Thread; readonly opened: boolean }> {
  const { agent } = route(workspace, { ...request, sender: request.by.handle, text: "" });
  const file = workspace.agents.find(({ name }) => name === agent)!;
  if (file.procedure !== "chat") {
    throw new LoopError(
      "input_invalid",
      `The agent ${agent} works by the procedure ${file.procedure}; a conversation needs \`procedure: chat\` in ${file.source}.`,
      {
        facts: { agent },
      },
    );
  }
  const id = newId("thr", clock.nowMs());
  const { surface, channel, labels, by } = request;
  const found = await openThreadRow(tx, { id, surface, channel, externalId: request.externalId ?? id, agent, labels, openedBy: by.id });
  if (found.opened) {
    await append(tx, clock, [
      { kind: "thread.opened", actor: by.id, payload: { thread: id, surface, channel, agent, labels, externalId: request.externalId ?? null } },
    ]);
  }
  return found;
}
