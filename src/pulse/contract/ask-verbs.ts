import { z } from "zod";
import { type Answered, answerAsk, overrideAnswer } from "#src/asks/answer.ts";
import type { Ask } from "#src/asks/ask.ts";
import { openAsk } from "#src/asks/store/open.ts";
import { openAsks, requireAsk } from "#src/asks/store/read.ts";
import { inTransaction, type Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { performTogether } from "#src/people/store/idempotency.ts";
import { type AskId, newId } from "#src/kernel/ids.ts";
import { noteAction } from "../store/action-lines.ts";
import { liveRunOf, lockWorkerName, nextAskAlias, type Question, sameAsk, ticketOfRun } from "../store/worker-asks.ts";
import { settledAmong } from "../settled-asks.ts";
import { lookUntil } from "./look-again.ts";
import { loopName } from "./names.ts";
import { nameMeant } from "./session.ts";
import { loopVerb, type LoopVerb } from "./verb.ts";

const LONGEST_TEXT = 20_000;
/** Less than whoever asks waits for an answer on one connection. */
const LONGEST_WAIT_MS = 25_000;
const ROOT = "agent:root";
const LONGEST_KEY = 64;

const words = (what: string) =>
  z
    .string()
    .max(LONGEST_TEXT, `expected ${LONGEST_TEXT} characters at most`)
    .refine((text) => text.trim() !== "", `expected ${what}`);

const askShape = z.object({
  id: z.string(),
  alias: z.string().describe("how it is answered: `loop _ answer fix-login-1 yes`"),
  kind: z.enum(["question", "choice", "approval", "acknowledgement"]),
  worker: z.string().nullable(),
  runId: z.string().nullable(),
  ticketId: z.string().nullable(),
  prompt: z.string(),
  reference: z.string().nullable(),
  options: z.array(z.string()),
  state: z.enum(["open", "answered", "expired", "cancelled"]),
  stranded: z.boolean().describe("its worker is gone; it can still be answered"),
  answer: z.string().nullable(),
  settledBy: z.string().nullable(),
  createdAtMs: z.int(),
});

const textOf = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);

function viewOf(ask: Ask): z.infer<typeof askShape> {
  const { id, alias, kind, runId, ticketId, prompt, options, state, stranded, answer, settledBy, createdAtMs, detail } = ask;
  const of = { worker: textOf(detail["worker"]), reference: textOf(detail["reference"]) };
  return { id, alias: alias ?? id, kind, runId, ticketId, prompt, options: [...options], state, stranded, answer, settledBy, createdAtMs, ...of };
}

const ask = loopVerb({
  name: "ask",
  summary: "Ask the people, or the root agent, and go on; `ask wait` gives the answer. The same question again while it is open is the same ask.",
  access: "pulse:work",
  reads: false,
  input: z.strictObject({
    worker: loopName.optional().describe("who asks; left out: whoever speaks"),
    prompt: words("a question"),
    reference: z.string().max(LONGEST_TEXT).default("").describe("what it is about, such as a link"),
    options: z.array(z.string().trim().min(1, "expected an option that is not empty").max(500)).max(50).default([]).describe("empty: any text is an answer"),
    resume: z.boolean().default(false).describe("an answer to the same words that was not heard yet is the answer"),
    key: z.string().min(1).max(LONGEST_KEY).optional().describe("the same key is the same try: nothing is asked twice"),
  }),
  output: askShape,
  async perform(deps, { caller }, { worker: given, prompt, reference, options, resume, key = null }) {
    const worker = await nameMeant(deps, caller, { verb: "ask", name: given });
    const { db, clock, workspaces } = deps;
    const { revision } = await workspaces.current();
    return inTransaction(db, async (tx) => {
      await lockWorkerName(tx, worker);
      const live = caller.runId === null ? await liveRunOf(tx, worker) : { runId: caller.runId, ticketId: await ticketOfRun(tx, caller.runId) };
      const question: Question = { worker, runId: live?.runId ?? null, prompt, options: [...new Set(options)], reference, key, resume };
      const before = await sameAsk(tx, question);
      if (before !== undefined) return viewOf(await requireAsk(tx, before));
      const opened = await open(tx, question, { alias: await nextAskAlias(tx, worker), revision, ticketId: live?.ticketId ?? null, nowMs: clock.nowMs() });
      const about = { ...(opened.runId ? { runId: opened.runId } : {}), ...(opened.ticketId ? { ticketId: opened.ticketId } : {}) };
      const payload = { ask: opened.id, alias: opened.alias, worker, kind: opened.kind, purpose: opened.purpose, prompt, options: opened.options };
      await append(tx, clock, [{ kind: "ask.opened", actor: caller.id, ...about, payload }]);
      return viewOf(opened);
    });
  },
});

interface Opening {
  readonly alias: string;
  readonly revision: number;
  readonly ticketId: Ask["ticketId"];
  readonly nowMs: number;
}

async function open(
  tx: Transaction,
  { worker, runId, prompt, options, reference, key }: Question,
  { alias, revision, ticketId, nowMs }: Opening,
): Promise<Ask> {
  const id = newId("ask", nowMs) as AskId;
  await openAsk(tx, {
    id,
    alias,
    kind: options.length > 0 ? "choice" : "question",
    purpose: "worker",
    runId,
    actId: null,
    ticketId,
    prompt,
    detail: { worker, ...(reference === "" ? {} : { reference }), ...(key === null ? {} : { key }) },
    options,
    approvers: { roles: ["owner", "admin", "operator"], names: [], agents: [ROOT] },
    quorum: 1,
    binding: null,
    rule: null,
    expiry: [],
    revision,
  });
  return requireAsk(tx, id);
}

const askWait = loopVerb({
  name: "ask wait",
  summary: "The answer to an ask, as soon as there is one; after the given time the ask as it stands.",
  access: "pulse:work",
  reads: true,
  input: z.strictObject({
    ask: z.string().min(1).max(100),
    timeoutMs: z.coerce.number().pipe(z.int().min(0).max(LONGEST_WAIT_MS)).default(LONGEST_WAIT_MS),
  }),
  output: askShape,
  async perform(deps, { signal, caller }, { ask: id, timeoutMs }) {
    const known = await requireAsk(deps.db, id);
    if (caller.runId !== null && known.runId !== caller.runId)
      await nameMeant(deps, caller, { verb: "ask wait", name: textOf(known.detail["worker"]) ?? known.id });
    const settled = settledAmong(deps.db);
    if (known.state === "open") await lookUntil(deps, { timeoutMs, signal }, () => settled(known.id));
    return viewOf(await requireAsk(deps.db, known.id));
  },
});

const answer = loopVerb({
  name: "answer",
  summary: "Answer an ask by its id or alias. The first answer wins; an override of it needs a person who is owner or admin.",
  access: "pulse:steer",
  reads: false,
  input: z.strictObject({
    ask: z.string().min(1).max(100),
    text: words("an answer"),
    force: z.boolean().default(false).describe("over an answer that was first"),
    journal: z.string().max(500).optional().describe("what the journal says in place of the usual line"),
  }),
  output: askShape,
  async perform({ db, clock }, { caller }, { ask: id, text, force, journal }) {
    const known = await requireAsk(db, id);
    const given = { askId: known.id, person: caller, answer: text.trim(), face: "loop" };
    const line = journal ?? `answer ${known.alias ?? known.id}`;
    const answered = await performTogether(db, async (together) => {
      const isOver = force && known.state !== "open";
      const outcome = isOver ? await overrideAnswer(together, clock, { ...given, reason: "answered with --force" }) : await answerAsk(together, clock, given);
      const isLost = "ask" in outcome && outcome.kind === "lost";
      if (!isLost && (known.state === "open" || force)) await noteAction(together, clock, { caller, line, runId: known.runId });
      return outcome;
    });
    return viewOf("ask" in answered ? firstOf(answered, text.trim()) : answered);
  },
});

/** The same answer again is fine, whoever gave it first. @throws LoopError ask_not_open */
function firstOf(answered: Answered, text: string): Ask {
  const { ask: settled } = answered;
  if (answered.kind !== "lost" || settled.answer?.toLowerCase() === text.toLowerCase()) return settled;
  throw new LoopError(
    "ask_not_open",
    `${settled.alias ?? settled.id} was answered by ${answered.settledBy} before: ${settled.answer?.slice(0, 80)}. The first answer stands; a person who is owner or admin may override it with --force.`,
    { facts: { ask: settled.id, settledBy: answered.settledBy } },
  );
}

const asks = loopVerb({
  name: "asks",
  summary: "What waits for an answer, oldest first. Stranded: its worker is gone, and it can still be answered.",
  access: "read",
  reads: true,
  input: z.strictObject({}),
  output: z.object({ asks: z.array(askShape) }),
  perform: async ({ db }) => ({ asks: (await openAsks(db)).map(viewOf) }),
});

export const askVerbs: readonly LoopVerb[] = [ask, askWait, answer, asks] as readonly LoopVerb[];
