import type { MemoryScope } from "#src/brain/memory.ts";
import type { Db } from "#src/database/open.ts";
import { LoopError } from "#src/kernel/errors.ts";
import type { PrincipalId } from "#src/kernel/ids.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";
import type { RunState } from "../run.ts";
import { readState } from "../store/state.ts";
import { readThreadPlace, type ThreadPlace } from "../store/thread-place.ts";

const USUAL_RETENTION_MS = 90 * 86_400_000;

/** What a run may remember and recall: one scope, that of its agent's file as it is now. */
export interface RunMemory {
  readonly state: RunState;
  readonly scope: MemoryScope;
  readonly person: PrincipalId | null;
  readonly retentionMs: number;
  readonly revision: number;
}

/** @throws LoopError tool_failed where this run has no place of that kind, such as no person to remember something about */
export async function memoryOfRun(db: Db, workspaces: WorkspaceView, runId: string): Promise<RunMemory> {
  const [state, { workspace, revision }] = await Promise.all([readState(db, runId), workspaces.current()]);
  const memory = workspace.agents.find(({ name }) => name === state.run.agent)?.memory;
  const threadId = state.run.threadId ?? state.ticket?.threadId ?? null;
  const place = threadId === null ? undefined : await readThreadPlace(db, threadId);
  const person = personOf(state);
  return {
    state,
    scope: scopeOf(state, { kind: memory?.scope ?? "channel", place, person }),
    person,
    retentionMs: memory?.retention ?? USUAL_RETENTION_MS,
    revision,
  };
}

/** Whoever calls a service speaks for many people, so nothing is remembered about the caller. */
const personOf = ({ run, ticket }: RunState): PrincipalId | null =>
  (run.brief.service === undefined ? run.limits.requestedBy : undefined) ?? ticket?.senderPrincipalId ?? null;

/** Where there is no channel or person, the ticket: narrower, never wider. */
function scopeOf(
  { run, ticket }: Pick<RunState, "run" | "ticket">,
  { kind, place, person }: { kind: MemoryScope["kind"]; place: ThreadPlace | undefined; person: PrincipalId | null },
): MemoryScope {
  if (kind === "workspace") return { kind, of: "" };
  if (kind === "agent") return { kind, of: run.agent };
  if (kind === "channel" && place) return { kind, of: JSON.stringify([run.agent, place.surface, place.channel]) };
  if (kind === "person" && person) return { kind, of: person };
  if (ticket) return { kind: "ticket", of: ticket.id };
  throw new LoopError("tool_failed", `This run belongs to no ${kind}, so there is nowhere to keep a memory of scope ${kind}. Nothing was kept or recalled.`, {
    facts: { run: run.id, scope: kind },
  });
}
