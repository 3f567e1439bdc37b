import { type Db, inTransaction, type Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { canonicalJson, type Json } from "#src/kernel/canonical-json.ts";
import type { Clock } from "#src/kernel/clock.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { wake } from "#src/leases/store/wake.ts";
import { isMachine } from "#src/people/role.ts";
import { type Answerer, type Ask, type AskDecision, EDIT, isExcepted, mayAnswer, verdictOf } from "./ask.ts";
import { requireAsk } from "./store/read.ts";
import { insertDecision, keepEdit, lockOpenAsk, overrideAsk, settleAsk } from "./store/settle.ts";

export interface Answer {
  readonly askId: string;
  readonly person: Answerer;
  readonly answer: string;
  readonly reason?: string;
  /** Where the answer came from: `cli`, `http`, the name of a surface. */
  readonly face: string;
}

/** settled: this answer settled the ask. counted: more people must answer. lost: someone else settled it before; the answer is kept as late. */
export type Answered =
  | { readonly kind: "settled"; readonly ask: Ask }
  | { readonly kind: "counted"; readonly ask: Ask; readonly missing: number }
  | { readonly kind: "lost"; readonly ask: Ask; readonly settledBy: string };

const OVERRIDING_ROLES: readonly string[] = ["owner", "admin"];

/**
 * Records this person's decision and settles the ask when its rule is met; the run that waits is woken in the same transaction.
 * Answering the same again is counted once. @throws LoopError ask_unknown | ask_not_yours | ask_option_unknown | ask_not_open
 */
export async function answerAsk(db: Db, clock: Clock, given: Answer): Promise<Answered> {
  const asked = await requireAsk(db, given.askId);
  const asking = { ...given, askId: asked.id };
  requireRight(asked, given);
  const answer = requireOption(asked, given.answer);
  failpoint("ask.checked");
  const outcome = await inTransaction(db, async (tx) => {
    if (asked.runId) await wake(tx, [asked.runId]);
    failpoint("ask.woken");
    if (!(await lockOpenAsk(tx, asked.id))) return late(tx, clock, { ...asking, answer });
    failpoint("ask.locked");
    return decide(tx, clock, { asked, given: { ...asking, answer } });
  });
  failpoint("ask.committed");
  return outcome;
}

/**
 * Answers an approval with other arguments: the act that was asked about will not happen, and one with these arguments is planned in its place, which policy
 * sees as any other, so that an approval of its own is asked for. One person is enough, whatever the quorum: nothing happens by it.
 * @throws LoopError ask_unknown | ask_not_yours | ask_not_open | input_invalid where there is no act to change
 */
export async function editAsk(db: Db, clock: Clock, given: Omit<Answer, "answer"> & { args: Json }): Promise<Ask> {
  const asked = await requireAsk(db, given.askId);
  const answer = { ...given, askId: asked.id, answer: EDIT };
  requireRight(asked, answer);
  if (asked.kind !== "approval" || asked.purpose !== "act" || !asked.actId) {
    throw new LoopError("input_invalid", `${asked.id} asks about no act whose arguments could be changed. Answer it, or deny it.`, {
      facts: { ask: asked.id },
    });
  }
  if (canonicalJson(given.args) === canonicalJson((asked.detail["args"] ?? null) as Json)) {
    throw new LoopError("input_invalid", `These are the arguments that ${asked.id} asks about. Change something, or approve it.`, { facts: { ask: asked.id } });
  }
  return inTransaction(db, async (tx) => {
    if (asked.runId) await wake(tx, [asked.runId]);
    failpoint("ask.edit_woken");
    if (!(await lockOpenAsk(tx, asked.id))) {
      throw new LoopError("ask_not_open", `The ask ${asked.id} was settled before; nothing was changed.`, { facts: { ask: asked.id } });
    }
    await insertDecision(tx, decisionRow(answer, "decision", clock));
    await keepEdit(tx, asked.id, given.args);
    failpoint("ask.edit_kept");
    await settleAsk(tx, asked.id, { answer: EDIT, by: given.person.handle });
    await append(tx, clock, [event("ask.edited", asked, { ...answer, step: "settled" })]);
    return requireAsk(tx, asked.id);
  });
}

async function decide(tx: Transaction, clock: Clock, { asked, given }: { asked: Ask; given: Answer }): Promise<Answered> {
  const first = await insertDecision(tx, decisionRow(given, "decision", clock));
  failpoint("ask.decision_inserted");
  const ask = await requireAsk(tx, asked.id);
  const counted = ask.decisions.filter((decision) => decision.kind === "decision");
  const verdict = verdictOf(
    ask,
    counted.map((decision) => decision.answer),
  );
  const decided = first ? [event("ask.decided", ask, { ...given, step: "decision" })] : [];
  if (verdict === undefined) {
    if (first) await append(tx, clock, decided);
    return { kind: "counted", ask, missing: ask.quorum - votesFor(counted, given.answer) };
  }
  const settledAtMs = await settleAsk(tx, ask.id, { answer: verdict, by: given.person.handle });
  if (settledAtMs === undefined) throw new Error(`the ask ${ask.id} was settled while it was locked`);
  failpoint("ask.settled");
  await append(tx, clock, [...decided, event("ask.answered", ask, { ...given, answer: verdict, step: "settled" })]);
  return { kind: "settled", ask: { ...ask, state: "answered", answer: verdict, settledBy: given.person.handle, settledAtMs, nextStepAtMs: null } };
}

const votesFor = (decisions: readonly AskDecision[], answer: string): number => decisions.filter((decision) => decision.answer === answer).length;

async function late(tx: Transaction, clock: Clock, given: Answer): Promise<Answered> {
  const ask = await requireAsk(tx, given.askId);
  if (ask.state !== "answered") {
    throw new LoopError(
      "ask_not_open",
      `The ask ${ask.id} is ${ask.state}; nobody waits for an answer any more. \`loop ticket ${ask.ticketId ?? ""}\` shows what happened.`,
      {
        facts: { ask: ask.id, state: ask.state },
      },
    );
  }
  const mine = ask.decisions.find((decision) => decision.principalId === given.person.id && decision.kind === "decision");
  if (mine && mine.answer === given.answer) return { kind: "settled", ask };
  await insertDecision(tx, decisionRow(given, "late", clock));
  await append(tx, clock, [event("ask.answered_late", ask, { ...given, step: "late" })]);
  return { kind: "lost", ask, settledBy: ask.settledBy ?? "unknown" };
}

/**
 * A new decision over a settled or expired ask, by an owner or admin; journaled, and the run is woken to see it.
 * What was already done stays done. @throws LoopError ask_unknown | ask_not_yours | ask_option_unknown | ask_not_open
 */
export async function overrideAnswer(db: Db, clock: Clock, given: Answer & { reason: string }): Promise<Ask> {
  const asked = await requireAsk(db, given.askId);
  if (isMachine(given.person.roles) || !given.person.roles.some((role) => OVERRIDING_ROLES.includes(role))) {
    throw new LoopError(
      "ask_not_yours",
      `Only a person who is owner or admin may override a settled ask; ${given.person.handle} is ${given.person.roles.join(", ") || "without a role"}.`,
    );
  }
  if (isExcepted(asked, given.person)) requireRight(asked, given); // a separation holds for the mighty too
  const answer = requireOption(asked, given.answer);
  return inTransaction(db, async (tx) => {
    if (asked.runId) await wake(tx, [asked.runId]);
    if (!(await overrideAsk(tx, asked.id, { answer, by: given.person.handle }))) {
      throw new LoopError("ask_not_open", `The ask ${asked.id} is ${asked.state}: answer it instead of overriding it.`, {
        facts: { ask: asked.id, state: asked.state },
      });
    }
    await insertDecision(tx, decisionRow({ ...given, askId: asked.id, answer }, "override", clock));
    await append(tx, clock, [event("ask.overridden", asked, { ...given, answer, step: "override" })]);
    return requireAsk(tx, asked.id);
  });
}

function requireRight(ask: Ask, given: Answer): void {
  if (mayAnswer(ask, given.person)) return;
  const { roles, groups = [], agents = [] } = ask.approvers;
  const excepted = isExcepted(ask, given.person);
  const names = ask.approvers.names.filter((name) => !ask.approvers.exceptNamed?.includes(name) && !(excepted && name === given.person.handle));
  const who = [...roles.map((role) => `the role ${role}`), ...groups.map((group) => `the team ${group}`), ...names, ...agents].join(" or ");
  if (excepted) {
    const others = who === "" ? "and its approvers name nobody else" : who;
    throw new LoopError("ask_not_yours", `${given.person.handle} brought this work, and ${ask.rule ?? "its rule"} wants somebody else to decide: ${others}.`, {
      facts: { ask: ask.id, person: given.person.handle },
    });
  }
  throw new LoopError("ask_not_yours", `${given.person.handle} may not answer ${ask.id}: it is for ${who}.`, {
    facts: { ask: ask.id, person: given.person.handle },
  });
}

function requireOption(ask: Ask, answer: string): string {
  const text = answer.trim();
  if (text === "") throw new LoopError("ask_option_unknown", "The answer is empty. Say something, or one of the options.", { facts: { ask: ask.id } });
  if (ask.options.length === 0) return text;
  const option = ask.options.find((known) => known.toLowerCase() === text.toLowerCase());
  if (option !== undefined) return option;
  throw new LoopError("ask_option_unknown", `"${text.slice(0, 80)}" is not an answer to ${ask.id}. Expected one of: ${ask.options.join(", ")}.`, {
    facts: { ask: ask.id },
  });
}

function decisionRow(given: Answer, kind: AskDecision["kind"], clock: Clock) {
  return {
    askId: given.askId as Ask["id"],
    principalId: given.person.id,
    answer: given.answer,
    reason: given.reason ?? null,
    face: given.face,
    kind,
    nowMs: clock.nowMs(),
  };
}

function event(kind: string, ask: Ask, given: Answer & { step: string }) {
  return {
    kind,
    actor: given.person.id,
    ...(ask.runId ? { runId: ask.runId } : {}),
    ...(ask.ticketId ? { ticketId: ask.ticketId } : {}),
    payload: {
      ask: ask.id,
      act: ask.actId,
      by: given.person.handle,
      answer: given.answer,
      reason: given.reason ?? null,
      face: given.face,
      binding: ask.binding,
      rule: ask.rule,
    },
  };
}
