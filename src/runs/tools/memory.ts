import { z } from "zod";
import type { ToolPort } from "#src/acts/ports/tool-port.ts";
import type { BrainEmbedder } from "#src/brain/embedder.ts";
import { type Memory, MEMORY_KINDS, type MemoryId, scopeKey } from "#src/brain/memory.ts";
import { insertTellings, memoriesIn } from "#src/brain/store/memories.ts";
import { type Db, inTransaction } from "#src/database/open.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { isUntrusted } from "#src/policy/trust.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { WorkspaceView } from "#src/workspace/current.ts";
import { forgetMemories } from "../memory/forget.ts";
import { settleQuestioned } from "../memory/questioned.ts";
import { MEMORY_RECALL, recallFrom } from "../memory/recall.ts";
import { remember } from "../memory/remember.ts";
import { memoryOfRun } from "../memory/scope-of-run.ts";
import { readSoFar } from "../read-so-far.ts";

/** A memory is a sentence or a few, no document. */
const MEMORY_CHARACTERS = 1_000;

export interface MemoryDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly workspaces: WorkspaceView;
  readonly embedder: BrainEmbedder | undefined;
}

/** What an agent may do with what it remembers: always in the one scope of its run. */
export const memoryTools = (deps: MemoryDeps): ToolPort[] => [rememberTool(deps), recallTool(deps), forgetTool(deps)];

const said = z.string().trim().min(1).max(MEMORY_CHARACTERS);
const rememberArgs = z.strictObject({
  kind: z.enum(MEMORY_KINDS),
  text: said.describe("one decision, fact, preference or lesson, in words of your own; never a copy of what somebody wrote"),
  about: z.string().trim().toLowerCase().min(1).max(100).optional().describe("its subject in a few words, such as 'deploy day'; one subject has one memory"),
});

function rememberTool({ db, clock, workspaces }: MemoryDeps): ToolPort {
  return {
    name: "memory.remember",
    description: "Keeps a decision, fact, preference or lesson for later runs. What contradicts an earlier memory about the same subject is put to people.",
    schema: z.toJSONSchema(rememberArgs, { io: "input" }) as Json,
    effect: "idempotent",
    terms: { risk: "low", untrusted: false },
    keepsArgs: true,
    async invoke(given, { actKey, runId }) {
      const { kind, text, about } = read(rememberArgs, given, "memory.remember");
      await settleQuestioned(db, clock);
      const { state, scope, person, retentionMs, revision } = await memoryOfRun(db, workspaces, runId);
      const { taint, sawPrivate } = readSoFar(state);
      const memory: Memory = {
        id: `mem_${actKey.slice("act_".length)}`,
        kind,
        text,
        about: about ?? null,
        scope,
        agent: state.run.agent,
        person,
        source: { run: state.run.id, ticket: state.run.ticketId, act: actKey },
        taint,
        sawPrivate,
        rememberedAtMs: Math.round(state.nowMs),
        expiresAtMs: Math.round(state.nowMs) + retentionMs,
        ask: null,
        against: [],
      };
      return { ...(await remember(db, clock, { memory, revision })), scope: scope.kind } as unknown as Json;
    },
  };
}

const recallArgs = z.strictObject({ text: z.string().min(1).max(8_000).describe("what to look for, in any language") });

function recallTool({ db, clock, workspaces, embedder }: MemoryDeps): ToolPort {
  return {
    name: MEMORY_RECALL,
    description: "Looks into what was remembered here before: decisions, facts, preferences, lessons, with source and trust.",
    schema: z.toJSONSchema(recallArgs, { io: "input" }) as Json,
    effect: "read",
    terms: { untrusted: false }, // what each memory brings along is in the result, and counts from there
    async invoke(given, { actKey, runId, signal }) {
      const { text } = read(recallArgs, given, MEMORY_RECALL);
      await settleQuestioned(db, clock);
      const { scope } = await memoryOfRun(db, workspaces, runId);
      const recalled = await recallFrom(db, embedder, { scope, text, signal });
      failpoint("memory.recalled");
      await insertTellings(db, { ids: recalled.memories.map(({ id }) => id), actId: actKey, runId });
      return { ...recalled, scope: scope.kind } as unknown as Json;
    },
  };
}

const forgetArgs = z.strictObject({ id: z.string().regex(/^mem_[0-9a-f]{32}$/, "expected the id of a memory, mem_ and 32 hexadecimal digits") });

function forgetTool({ db, clock, workspaces }: MemoryDeps): ToolPort {
  return {
    name: "memory.forget",
    description: "Deletes a memory of this place for good.",
    schema: z.toJSONSchema(forgetArgs, { io: "input" }) as Json,
    effect: "idempotent",
    terms: { risk: "medium", untrusted: false },
    async invoke(given, { runId, agent }) {
      const { id } = read(forgetArgs, given, "memory.forget");
      const { state, scope } = await memoryOfRun(db, workspaces, runId);
      const memories = await memoriesIn(db, scopeKey(scope), [id as MemoryId]);
      const [memory] = memories;
      if (memory && isUntrusted(readSoFar(state).taint) && !isUntrusted(memory.taint)) {
        throw new LoopError(
          "tool_failed",
          `This run has read untrusted text, so it cannot forget what was remembered without any. A person can: loop memory forget ${id}.`,
          {
            facts: { memory: id },
          },
        );
      }
      const forgotten = await inTransaction(db, (tx) => forgetMemories(tx, clock, { memories, by: `agent:${agent}`, why: "asked" }));
      return { id, forgotten };
    },
  };
}

function read<T>(schema: z.ZodType<T>, given: Json, name: string): T {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new LoopError("tool_failed", `${name} cannot read its arguments: ${z.prettifyError(parsed.error)}`);
}
