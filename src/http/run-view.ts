import { z } from "zod";
import { ACT_MOVES, type Act, type ActState } from "#src/acts/act.ts";
import type { CostGroup } from "#src/ledger/reports.ts";
import { type Message, type Run, RUN_MOVES, type RunState, type RunStatus } from "#src/runs/run.ts";
import type { Caller } from "#src/people/principal.ts";
import { askView, viewAsk } from "./ask-view.ts";
import { costGroupView } from "./cost-view.ts";
import { isoOf, isoOrNull } from "./query.ts";

export const runView = z
  .object({
    id: z.string(),
    ticketId: z.string().nullable(),
    threadId: z.string().nullable(),
    agent: z.string(),
    runner: z.enum(["model", "rules", "command"]),
    procedure: z.string(),
    state: z.enum(Object.keys(RUN_MOVES) as [RunStatus, ...RunStatus[]]),
    reason: z.string().nullable(),
    attempt: z.int(),
    labels: z.record(z.string(), z.string()),
    limits: z.object({
      maxTurns: z.int(),
      maxOutputTokens: z.int(),
      task: z.string().optional(),
      requestedBy: z.string().optional(),
      givers: z.array(z.string()).readonly().optional(),
    }),
    brief: z.unknown().describe("what it is asked for beyond its text, and which agents have had it"),
    parentRunId: z.string().nullable().describe("the run that gave it this work"),
    revision: z.int(),
    turns: z.int(),
    createdAt: z.string(),
    endedAt: z.string().nullable(),
  })
  .meta({ id: "Run" });
export type RunView = z.infer<typeof runView>;

export function viewRun({ createdAtMs, endedAtMs, ...run }: Run): RunView {
  return { ...run, createdAt: isoOf(createdAtMs), endedAt: isoOrNull(endedAtMs) };
}

const actView = z
  .object({
    id: z.string(),
    turn: z.int(),
    ordinal: z.int(),
    kind: z.string(),
    name: z.string(),
    effect: z.string(),
    state: z.enum(Object.keys(ACT_MOVES) as [ActState, ...ActState[]]),
    key: z.string(),
    args: z.unknown(),
    facts: z.unknown(),
    askId: z.string().nullable(),
    decision: z.unknown(),
    result: z.unknown(),
    error: z.unknown(),
    attempts: z.int(),
  })
  .meta({ id: "Act" });

function viewAct({ id, turn, ordinal, kind, name, effect, state, key, args, facts, askId, decision, result, error, attempts }: Act): z.infer<typeof actView> {
  return { id, turn, ordinal, kind, name, effect, state, key, args, facts, askId, decision, result, error, attempts };
}

const messageView = z.object({
  seq: z.int(),
  role: z.enum(["input", "thought", "note"]),
  name: z.string().nullable(),
  source: z.string(),
  trust: z.string(),
  content: z.unknown(),
});

export const runDetailView = runView
  .extend({
    acts: z.array(actView),
    messages: z.array(messageView),
    asks: z.array(askView),
    costs: costGroupView.nullable().describe("null: nothing was charged"),
  })
  .meta({ id: "RunDetail" });

export function viewRunDetail(
  { run, ticket, acts, messages, asks }: RunState,
  more: { readonly costs: CostGroup | undefined; readonly caller: Caller },
): z.infer<typeof runDetailView> {
  const isTheirs = more.caller.id === (run.limits.requestedBy ?? ticket?.senderPrincipalId);
  const hidden = new Set(isTheirs ? [] : acts.filter(isAboutPerson));
  const calls = new Set([...hidden].map(({ facts }) => facts.callId));
  return {
    ...viewRun(run),
    acts: acts.map((act) => viewAct(hidden.has(act) ? withoutMemory(act) : act)),
    messages: messages.map(({ seq, role, name, source, trust, content }: Message) => ({
      seq,
      role,
      name,
      source,
      trust,
      content: withoutCalls(content, calls),
    })),
    asks: asks.map((ask) => viewAsk(ask, more.caller)),
    costs: more.costs ?? null,
  };
}

/** What is remembered about a person is shown to that person alone, in the runs that kept and recalled it too. */
const isAboutPerson = ({ name, result }: Act): boolean =>
  name.startsWith("memory.") && typeof result === "object" && result !== null && "scope" in result && result["scope"] === "person";

const ABOUT_SOMEBODY = { hidden: "what is remembered about a person is shown to that person alone" };

function withoutMemory(act: Act): Act {
  const { result } = act;
  const recalled = typeof result === "object" && result !== null && "memories" in result;
  return { ...act, args: ABOUT_SOMEBODY, ...(recalled ? { result: { ...result, ...ABOUT_SOMEBODY, memories: [] } } : {}) };
}

/** The arguments stand in the thought that made the call as well. */
function withoutCalls(content: Message["content"], calls: ReadonlySet<string | undefined>): Message["content"] {
  if (typeof content !== "object" || content === null || !("toolCalls" in content) || calls.size === 0) return content;
  const made = content["toolCalls"] as readonly { readonly callId: string }[];
  return { ...content, toolCalls: made.map((call) => (calls.has(call.callId) ? { ...call, args: ABOUT_SOMEBODY } : call)) } as unknown as Message["content"];
}
