import { digestOf, type Json } from "#src/kernel/canonical-json.ts";
import type { AskId, Id, PrincipalId, RunId, TicketId } from "#src/kernel/ids.ts";
import { type Trust, worstOf } from "#src/policy/trust.ts";
import { type BrainItem, sealItem } from "./item.ts";

export const MEMORY_KINDS = ["decision", "fact", "preference", "lesson"] as const;
export type MemoryKind = (typeof MEMORY_KINDS)[number];
export const MEMORY_SCOPES = ["channel", "agent", "workspace", "ticket", "person"] as const;
export type MemoryScopeKind = (typeof MEMORY_SCOPES)[number];
export type MemoryId = Id<"mem">;

/** Where a memory may be recalled, and nowhere else. `of`: the agent with its surface and channel, the agent, the ticket or the person; empty for the workspace. */
export interface MemoryScope {
  readonly kind: MemoryScopeKind;
  readonly of: string;
}

/** What an agent keeps beyond its run, in words of its own, never a raw request. */
export interface Memory {
  readonly id: MemoryId;
  readonly kind: MemoryKind;
  readonly text: string;
  /** The subject that it is a statement about; two that say different things about one contradict each other. */
  readonly about: string | null;
  readonly scope: MemoryScope;
  readonly agent: string;
  /** For whom the run worked, where that is a principal. */
  readonly person: PrincipalId | null;
  readonly source: { readonly run: RunId; readonly ticket: TicketId | null; readonly act: string };
  /** Where the texts came from that its run had read. */
  readonly taint: readonly Trust[];
  /** Its run had read what must not leave. */
  readonly sawPrivate: boolean;
  readonly rememberedAtMs: number;
  readonly expiresAtMs: number;
  /** The question whether it should stand; until it is answered the memory is recalled nowhere. */
  readonly ask: AskId | null;
  /** Those that it contradicts, while it is questioned; those that it took the place of, afterwards. */
  readonly against: readonly MemoryId[];
}

/** `memory:` keeps these apart from the scopes of everything else that is known. A kind has no colon, so no two scopes have one key. */
export const scopeKey = ({ kind, of }: MemoryScope): string => `memory:${kind}:${of}`;
const questionedKey = ({ kind, of }: MemoryScope): string => `memory-questioned:${kind}:${of}`;

/** By which two texts are the same: case and white space do not matter. */
export const saidDigest = (text: string): string => digestOf(text.normalize("NFKC").toLowerCase().replace(/\s+/gu, " ").trim());

export function toItem(memory: Memory): BrainItem<"memory"> {
  const { id, kind, text, about, scope, agent, person, source, taint, sawPrivate, ask, against } = memory;
  const data = { kind, about, scope, agent, person, source, taint, sawPrivate, ask, against, said: saidDigest(text) };
  return sealItem<"memory">({
    id,
    layer: "memory",
    source: source.run,
    title: about ?? kind,
    body: text,
    phrases: [],
    data: data as unknown as { readonly [key: string]: Json },
    labels: {},
    categories: [],
    scope: ask === null ? scopeKey(scope) : questionedKey(scope),
    trust: worstOf(taint),
    author: person ?? `agent:${agent}`,
    language: null,
    happenedAtMs: memory.rememberedAtMs,
    expiresAtMs: memory.expiresAtMs,
  });
}

export function toMemory(item: BrainItem): Memory {
  const { said: _, ...data } = item.data as unknown as Omit<Memory, "id" | "text" | "rememberedAtMs" | "expiresAtMs"> & { said: string };
  return { ...data, id: item.id as MemoryId, text: item.body, rememberedAtMs: item.happenedAtMs ?? 0, expiresAtMs: item.expiresAtMs ?? 0 };
}
