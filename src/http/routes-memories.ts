import { z } from "zod";
import { type Memory, MEMORY_KINDS, MEMORY_SCOPES } from "#src/brain/memory.ts";
import { may, requirePermission } from "#src/people/permission.ts";
import type { Caller } from "#src/people/principal.ts";
import { isUntrusted, worstOf } from "#src/policy/trust.ts";
import { forgetMemory, isOwn, memoriesFor, storyOfMemory, unknownMemory } from "#src/runs/memory/look-up.ts";
import { type App, callerOf } from "./app.ts";
import type { HttpDeps } from "./deps.ts";
import { idOf } from "./ids.ts";
import { idParams, isoOf, limit, text } from "./query.ts";

const memoryView = z
  .object({
    id: z.string(),
    kind: z.enum(MEMORY_KINDS),
    text: z.string(),
    about: z.string().nullable(),
    scope: z.object({ kind: z.enum(MEMORY_SCOPES), of: z.string().describe("which channel, agent, ticket or person; empty for the workspace") }),
    agent: z.string(),
    personId: z.string().nullable().describe("for whom the run worked"),
    source: z.object({ run: z.string(), ticket: z.string().nullable(), act: z.string() }),
    trust: z.string(),
    untrusted: z.boolean().describe("a stranger may have had a word in it"),
    taint: z.array(z.string()).readonly(),
    private: z.boolean(),
    state: z.enum(["kept", "questioned"]).describe("questioned: it contradicts another, and people are asked; until they answer nobody recalls it"),
    askId: z.string().nullable(),
    against: z.array(z.string()).readonly().describe("those that it contradicts, or took the place of"),
    rememberedAt: z.string(),
    expiresAt: z.string(),
  })
  .meta({ id: "Memory" });

const storyView = memoryView
  .extend({
    told: z.array(z.object({ run: z.string(), agent: z.string(), act: z.string(), at: z.string() })).describe("the runs that were given it, oldest first"),
  })
  .meta({ id: "MemoryStory" });

function viewMemory({
  id,
  kind,
  text: said,
  about,
  scope,
  agent,
  person,
  source,
  taint,
  sawPrivate,
  ask,
  against,
  ...times
}: Memory): z.infer<typeof memoryView> {
  const trusted = { trust: worstOf(taint), untrusted: isUntrusted(taint), taint, private: sawPrivate };
  const state = ask === null ? "kept" : "questioned";
  const at = { rememberedAt: isoOf(times.rememberedAtMs), expiresAt: isoOf(times.expiresAtMs) };
  return { id, kind, text: said, about, scope, agent, personId: person, source, ...trusted, state, askId: ask, against, ...at };
}

export function memoryRoutes(app: App, { db }: HttpDeps): void {
  app.get(
    "/v1/memories",
    {
      config: { access: "read" },
      schema: {
        summary: "What agents remember, oldest first; of what is remembered about a person only your own.",
        tags: ["memories"],
        querystring: z.strictObject({
          scope: z.enum(MEMORY_SCOPES).optional(),
          agent: text(64).optional(),
          about: text(100).optional(),
          after: text(64).optional().describe("the `next` of the page before"),
          limit: limit(50, 200),
        }),
        response: { 200: z.object({ memories: z.array(memoryView), next: z.string().nullable() }) },
      },
    },
    async (request) => {
      const { limit: most, about, after, ...filter } = request.query;
      const query = { ...filter, about: about?.trim().toLowerCase(), after: after === undefined ? undefined : idOf("memory", after) };
      const found = await memoriesFor(db, { ...query, viewer: callerOf(request).id, limit: most + 1 });
      const memories = found.slice(0, most).map(viewMemory);
      return { memories, next: found.length > most ? (memories.at(-1)?.id ?? null) : null };
    },
  );
  app.get(
    "/v1/memories/:id",
    {
      config: { access: "read" },
      schema: {
        summary: "One memory: where it came from, who was told it, until when it stays.",
        tags: ["memories"],
        params: idParams,
        response: { 200: storyView },
      },
    },
    async (request) => {
      const { memory, tellings } = await storyOfMemory(db, idOf("memory", request.params.id), callerOf(request).id);
      return { ...viewMemory(memory), told: tellings.map(({ runId, agent, actId, atMs }) => ({ run: runId, agent, act: actId, at: isoOf(atMs) })) };
    },
  );
}

export function forgetRoute(app: App, { db, clock }: HttpDeps): void {
  app.delete(
    "/v1/memories/:id",
    {
      config: { access: "credential" },
      schema: {
        summary: "Delete a memory for good: by whoever may control runs, or by the person whom it is about. That it was forgotten stays in the journal.",
        tags: ["memories"],
        params: idParams,
        response: { 200: z.object({ id: z.string(), forgotten: z.literal(true) }) },
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const id = idOf("memory", request.params.id);
      await forgetMemory(db, clock, { id, by: caller.id, requireRight: (memory) => requireRight(caller, memory) });
      return { id, forgotten: true as const };
    },
  );
}

/** A token that may only read takes nothing away, not even of its own person. */
function requireRight(caller: Caller, memory: Memory): void {
  if (may(caller, "runs:control") || (isOwn(memory, caller.id) && caller.scopes.includes("*"))) return;
  if (memory.scope.kind === "person" && !isOwn(memory, caller.id)) throw unknownMemory(memory.id);
  requirePermission(caller, "runs:control");
}
