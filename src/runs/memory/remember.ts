import type { NewAsk } from "#src/asks/ask.ts";
import { openAsk } from "#src/asks/store/open.ts";
import { indexed } from "#src/brain/indexed.ts";
import { type Memory, type MemoryId, saidDigest, scopeKey, toItem } from "#src/brain/memory.ts";
import { insertItems } from "#src/brain/store/insert-items.ts";
import { lockScope, memoriesLike, memoryById } from "#src/brain/store/memories.ts";
import { type Db, inTransaction, type Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { AskId } from "#src/kernel/ids.ts";
import { requirePrincipal } from "#src/people/store/principals.ts";
import { USUAL_TERMS } from "#src/policy/decision.ts";
import { isUntrusted } from "#src/policy/trust.ts";
import { forgetMemories, memoryEvent } from "./forget.ts";

export const KEEP_NEW = "keep the new";
export const KEEP_OLD = "keep the old";
export const KEEP_BOTH = "both";

/** remembered: it stands. known: the same stands already. corrected: it took the place of others. questioned: people are asked, and until then the others stand. */
export interface Remembered {
  readonly state: "remembered" | "known" | "corrected" | "questioned";
  readonly id: MemoryId;
  readonly ask?: AskId;
  readonly insteadOf?: readonly MemoryId[];
}

/** Keeps a memory, or asks about it. The id is that of the act, so a repeat gives what the first try gave. */
export function remember(db: Db, clock: Clock, given: { readonly memory: Memory; readonly revision: number }): Promise<Remembered> {
  const { memory } = given;
  return inTransaction(db, async (tx) => {
    await lockScope(tx, scopeKey(memory.scope));
    const before = await memoryById(tx, memory.id);
    if (before) return resultOf(before);
    failpoint("memory.locked");
    const like = await memoriesLike(tx, { scope: memory.scope, said: saidDigest(memory.text), about: memory.about });
    const same = like.find(({ text }) => saidDigest(text) === saidDigest(memory.text));
    if (same) return same.ask === null ? { state: "known", id: same.id } : { state: "questioned", id: same.id, ask: same.ask };
    const against = like.filter(({ ask }) => ask === null);
    if (against.every((other) => mayCorrect(memory, other))) return keep(tx, clock, { memory, against });
    return question(tx, clock, { ...given, against });
  });
}

const resultOf = ({ id, ask, against }: Memory): Remembered => {
  if (ask !== null) return { state: "questioned", id, ask };
  return against.length > 0 ? { state: "corrected", id, insteadOf: against } : { state: "remembered", id };
};

/** Who had something kept may correct it, where no stranger had a word in either. */
function mayCorrect(memory: Memory, other: Memory): boolean {
  return memory.person !== null && memory.person === other.person && !isUntrusted(memory.taint);
}

/** Lets a memory stand in the place of others. */
export async function keep(tx: Transaction, clock: Clock, { memory, against }: { memory: Memory; against: readonly Memory[] }): Promise<Remembered> {
  const actor = `agent:${memory.agent}`;
  await forgetMemories(tx, clock, { memories: against, by: actor, why: "superseded", insteadOf: memory.id });
  failpoint("memory.superseded");
  const kept = { ...memory, ask: null, against: against.map(({ id }) => id) };
  await insertItems(tx, [indexed(toItem(kept))], "aFew");
  failpoint("memory.inserted");
  await append(tx, clock, [memoryEvent("memory.remembered", kept, { actor })]);
  return resultOf(kept);
}

interface Questioned {
  readonly memory: Memory;
  readonly against: readonly Memory[];
  readonly revision: number;
}

async function question(tx: Transaction, clock: Clock, { memory, against, revision }: Questioned): Promise<Remembered> {
  const askId = `ask_${memory.id.slice("mem_".length)}` as AskId;
  const held = { ...memory, ask: askId, against: against.map(({ id }) => id) };
  await insertItems(tx, [indexed(toItem(held))], "aFew");
  failpoint("memory.held");
  const ask = await askAbout(tx, held, { against, revision });
  await openAsk(tx, ask);
  failpoint("memory.ask_opened");
  await append(tx, clock, [
    memoryEvent("memory.questioned", held, { actor: `agent:${memory.agent}`, ask: askId }),
    memoryEvent("ask.opened", held, { actor: "system", ask: askId, purpose: ask.purpose }),
  ]);
  return resultOf(held);
}

/** Whoever reads asks sees the texts; of what is remembered about a person only that person is asked, and the ask names it by id alone. */
async function askAbout(tx: Transaction, memory: Memory, { against, revision }: Omit<Questioned, "memory">): Promise<NewAsk> {
  const isPersonal = memory.scope.kind === "person";
  const person = isPersonal ? await requirePrincipal(tx, memory.scope.of) : undefined;
  const shown = ({ id, text }: Memory) => (isPersonal ? { id } : { id, text });
  return {
    id: memory.ask!,
    kind: "choice",
    purpose: "memory",
    runId: null, // it outlives the run, which does not wait for it
    actId: null,
    ticketId: memory.source.ticket,
    prompt: isPersonal
      ? `${memory.agent} was told something about you that does not fit what it remembers. Which should stand?`
      : `${memory.agent} was told something else about "${memory.about}" than it remembers. Which should stand?`,
    detail: { new: shown(memory), old: against.map(shown), trust: memory.taint, run: memory.source.run },
    options: [KEEP_NEW, KEEP_OLD, KEEP_BOTH],
    approvers: isPersonal
      ? { roles: [], names: person ? [person.handle] : [] }
      : { ...USUAL_TERMS.approvers, roles: [...USUAL_TERMS.approvers.roles, "operator"] },
    quorum: 1,
    binding: null,
    rule: null,
    expiry: [{ afterMs: memory.expiresAtMs - memory.rememberedAtMs, do: "fail" }],
    revision,
  };
}
