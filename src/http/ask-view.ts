import { z } from "zod";
import type { Answered } from "#src/asks/answer.ts";
import { type Ask, type AskCopy, type AskDecision, mayAnswer } from "#src/asks/ask.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { may } from "#src/people/permission.ts";
import type { Caller } from "#src/people/principal.ts";
import { ROLES } from "#src/people/role.ts";
import type { Answer } from "./once.ts";
import { type Problem, problemOf } from "./problem.ts";
import { isoOf, isoOrNull } from "./query.ts";

const approversView = z.object({
  roles: z.array(z.enum(ROLES)).readonly(),
  names: z.array(z.string()).readonly(),
  groups: z.array(z.string()).readonly().optional(),
  agents: z.array(z.string()).readonly().optional().describe("agents that may answer too; never an approval"),
  reporter: z.string().optional(),
  except: z.string().optional().describe("the principal who brought the work and may not decide"),
  exceptNamed: z.array(z.string()).readonly().optional().describe("who else spoke into the work and may not decide"),
});

const decisionView = z.object({
  principalId: z.string(),
  handle: z.string(),
  answer: z.string(),
  reason: z.string().nullable(),
  face: z.string(),
  kind: z.enum(["decision", "late", "override"]),
  at: z.string(),
});

const copyView = z.object({
  to: z.string(),
  surface: z.string(),
  what: z.enum(["ask", "reminder"]),
  state: z.enum(["waiting", "delivered", "not_delivered", "not_sent"]).describe("not_sent: it was settled first"),
  error: z.string().nullable(),
  deliveredAt: z.string().nullable(),
  nextTryAt: z.string().nullable(),
});

export const askView = z
  .object({
    id: z.string(),
    alias: z.string().nullable().describe("how whoever works by the verbs knows it, such as fix-login-1"),
    kind: z.enum(["question", "choice", "approval", "acknowledgement"]),
    state: z.enum(["open", "answered", "expired", "cancelled"]),
    stranded: z.boolean().describe("its run ended; it can still be answered"),
    purpose: z.string(),
    runId: z.string().nullable(),
    actId: z.string().nullable(),
    ticketId: z.string().nullable(),
    prompt: z.string(),
    detail: z.record(z.string(), z.unknown()),
    options: z.array(z.string()).readonly().describe("empty: any text"),
    approvers: approversView,
    quorum: z.int(),
    binding: z.string().nullable().describe("digest of the act that an approval is bound to"),
    rule: z.string().nullable(),
    expiry: z.array(z.unknown()).readonly(),
    revision: z.int(),
    answer: z.string().nullable(),
    settledBy: z.string().nullable(),
    createdAt: z.string(),
    settledAt: z.string().nullable(),
    nextStepAt: z.string().nullable(),
    decisions: z.array(decisionView),
    copies: z.array(copyView).describe("who was sent it, and who could not be reached"),
    yours: z.boolean().describe("whether the caller may answer it"),
  })
  .meta({ id: "Ask" });
export type AskView = z.infer<typeof askView>;

export function viewAsk(ask: Ask, caller: Caller): AskView {
  const { createdAtMs, settledAtMs, nextStepAtMs, decisions, copies, approvers, ...rest } = ask;
  return {
    ...rest,
    approvers,
    createdAt: isoOf(createdAtMs),
    settledAt: isoOrNull(settledAtMs),
    nextStepAt: isoOrNull(nextStepAtMs),
    decisions: decisions.map(viewDecision),
    copies: copies.map(viewCopy),
    yours: may(caller, "asks:answer") && mayAnswer(ask, caller),
  };
}

function viewDecision({ atMs, ...decision }: AskDecision) {
  return { ...decision, at: isoOf(atMs) };
}

function viewCopy({ deliveredAtMs, nextTryAtMs, ...copy }: AskCopy) {
  return { ...copy, deliveredAt: isoOrNull(deliveredAtMs), nextTryAt: isoOrNull(nextTryAtMs) };
}

export const answeredView = z
  .object({ outcome: z.enum(["settled", "counted"]), missing: z.int().describe("answers still missing for the quorum"), ask: askView })
  .meta({ id: "Answered" });

/** Who was first stands in `ask`; without it the 409 says that there is nothing to answer. */
export const lostView = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    facts: z.record(z.string(), z.unknown()),
    outcome: z.literal("lost").optional(),
    ask: askView.optional(),
  })
  .meta({ id: "NotAnswered" });

export type AnswerReply = z.infer<typeof answeredView> | z.infer<typeof lostView>;

/** 200 when the answer counted, 409 with who was first when it came too late. */
export function answerReply(answered: Answered, caller: Caller): Answer<AnswerReply> {
  const ask = viewAsk(answered.ask, caller);
  if (answered.kind !== "lost") return { status: 200, body: { outcome: answered.kind, missing: answered.kind === "counted" ? answered.missing : 0, ask } };
  const { settledBy } = answered;
  const error = new LoopError(
    "ask_not_open",
    `${settledBy} answered ${ask.id} before you: ${ask.answer?.slice(0, 80)}. Yours is kept as late and changes nothing.`,
    {
      facts: { ask: ask.id, settledBy, answer: ask.answer },
    },
  );
  const problem: Problem = problemOf(error);
  return { status: problem.status, body: { ...problem, outcome: "lost", ask } };
}
