import { z } from "zod";
import type { Act, ActError } from "#src/acts/act.ts";
import { judge } from "#src/acts/gate.ts";
import type { ModelAnswer, ModelCall, ModelFailure, ModelResult } from "#src/acts/ports/model-port.ts";
import { readArgs } from "#src/acts/read-args.ts";
import { type Started, startAct } from "#src/acts/store/start.ts";
import { prepareEvent } from "#src/journal/event.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import type { CallAllotment } from "#src/ledger/allot.ts";
import { settle, lostAttempt, type Settlement } from "#src/ledger/store/settle.ts";
import type { Agent } from "#src/workspace/model.ts";
import type { Prompt, ThoughtKind } from "../think/thought-kind.ts";
import { readSoFar } from "../read-so-far.ts";
import { type Made, runEvent, type Session } from "../session.ts";
import { LeaseLost } from "../store/hold.ts";
import { messageOf, plannedBy } from "../think/answer.ts";
import { attachedTo, filesOf, fileTokens } from "../think/files.ts";
import { chooseModel, type Failures } from "../think/choose-model.ts";
import { type ModelChoice, modelsFor, type TaskKind, taskOf } from "../think/model-policy.ts";
import { allotAgain, allotCall } from "./allot-call.ts";
import { askToRaiseBudget, budgetCause, isAskedAbout } from "./budget-ask.ts";
import { askForAct, refuseAct } from "./gate-answers.ts";
import { recordOutcome } from "./outcome.ts";
import { park } from "./park.ts";
import { pauseMs } from "./pause.ts";

const modelArgs = z.strictObject({ purpose: z.string(), tier: z.enum(["fast", "strong"]), repair: z.string().optional() });

/** One call that is about to be made. */
interface Call {
  readonly act: Act;
  readonly model: string;
  readonly tier: string;
  readonly task: TaskKind;
  readonly choice: ModelChoice;
  /** The agent's own, where its file says something. */
  readonly settings: NonNullable<Agent["models"]> | undefined;
  readonly kind: ThoughtKind;
  /** The shape of the answer in this workspace; undefined: text and tool calls. */
  readonly schema: z.ZodType | undefined;
  /** The JSON Schema that says so to the provider, where it did not begin as one of ours. */
  readonly wire: Json | undefined;
  readonly prompt: Prompt;
  readonly inputTokens: number;
  readonly failures: Failures;
  /** Tries that failed by the call itself; those that met an outage are not among them. */
  readonly counted: number;
}

/** How long a run waits, about, for what the calls of others do not use of a budget; a person is asked only when that would not be enough. */
const BUDGET_BUSY_MS = 1_500;
/** How long a run looks no further at a budget that somebody has been asked to raise; raising it, or its next period, ends the wait sooner or later. */
const BUDGET_PAUSED_MS = 60_000;

/** A thinking act: chooses the model, asks policy, reserves, calls, settles, and writes what was said into the transcript. */
export async function performModel(session: Session, act: Act): Promise<Made> {
  const call = callFor(session, act);
  if ("refused" in call) return refuseAct(session, act, { rule: "model", why: call.refused });
  if (act.state === "started") await settle(session.engine.db, lostAttempt(act.id, act.attempts)); // a crash came before the outcome of that attempt
  const allotted = await allotCall(session, call);
  failpoint("act.model.allotted");
  if (allotted.kind === "closed") throw new LeaseLost(`the allotment of ${act.runId} is closed`);
  if (allotted.kind === "over" && allotted.mayClear) return park(session, session.recordNowMs() + Math.round(BUDGET_BUSY_MS * (0.5 + Math.random())));
  if (allotted.kind === "over" && allotted.onReach === "pause" && (await isAskedAbout(session, allotted)))
    return park(session, session.recordNowMs() + BUDGET_PAUSED_MS, budgetCause(allotted));
  if (allotted.kind !== "granted") return askToRaiseBudget(session, act, allotted);
  const priced: Act = { ...act, facts: { ...act.facts, costUsd: allotted.reserve.nanos === null ? null : allotted.reserve.nanos / 1e9 } };
  const ask = session.state.asks.findLast((known) => known.id === act.askId && known.purpose === "act");
  const { run } = session.state;
  const verdict = judge({
    act: priced,
    agent: run.agent,
    givers: run.limits.givers ?? [],
    read: readSoFar(session.state),
    workspace: session.current.workspace,
    ask,
    nowMs: session.recordNowMs(),
  });
  if (verdict.kind === "deny") return refuseAct(session, priced, { rule: "policy", why: verdict.why, decision: verdict.decision });
  if (verdict.kind === "ask") return askForAct(session, priced, verdict);
  const decision = { ...(verdict.decision as object), chosen: { model: call.model, task: call.task.name, why: whyChosen(call) } };
  const started = await start(session, { ...call, act: priced }, { allotted, decision });
  if (started === "no_money") {
    await allotAgain(session, call, allotted);
    return { kind: "moved" };
  }
  failpoint("act.model.started");
  return callAndRecord(session, { ...call, act: { ...priced, decision } }, allotted.maxOutputTokens);
}

async function callAndRecord(session: Session, call: Call, maxOutputTokens: number): Promise<Made> {
  const { engine, signal, lease } = session;
  const speech = engine.live.speak({ runId: lease.runId, actId: call.act.id, attempt: call.act.attempts + 1 });
  try {
    const files = await filesOf(session, call.prompt);
    failpoint("act.model.files");
    const result = await engine.model!.generate({ ...wireCall(call, maxOutputTokens), ...files }, { signal, onText: speech.onText });
    failpoint("act.model.performed");
    return await record(session, call, result);
  } finally {
    speech.end();
  }
}

function callFor(session: Session, act: Act): Call | { readonly refused: string } {
  const { engine, state, pinned } = session;
  const args = readArgs(modelArgs, act);
  const kind = engine.thoughts.get(args.purpose);
  if (!kind) return { refused: `there is no way to think about ${args.purpose}` };
  if (!engine.model) return { refused: "no model provider is set up here; add one to loop.yaml, or start with --model" };
  const { failures = [], counted = 0 } = (act.handle as { failures?: Failures; counted?: number } | null) ?? {};
  const agent = pinned.agents.find(({ name }) => name === state.run.agent);
  const task = taskOf(state, kind);
  const choice = modelsFor(agent, { task, tier: args.tier }, engine.tiers(pinned));
  const model = chooseModel(choice.candidates, failures, state.nowMs);
  if (model === undefined) return { refused: `loop.yaml names no model for the tier ${args.tier}` };
  const prompt = kind.prompt(state, pinned);
  const system =
    args.repair === undefined ? prompt.system : `${prompt.system}\n\nYour last answer could not be used: ${args.repair}\nAnswer again, in the asked form only.`;
  return {
    act,
    model,
    tier: args.tier,
    task,
    choice,
    settings: agent?.models,
    kind,
    schema: kind.schema?.(pinned, state),
    wire: kind.wireSchema?.(state),
    prompt: { ...prompt, system },
    inputTokens: tokensAtMost(prompt, system),
    failures,
    counted,
  };
}

/** Why this model, for a person: what chose the first, and what became of those before it. */
function whyChosen({ model, choice, failures }: Call): string {
  const passed = choice.candidates[0] === model ? [] : failures.map((failed) => `${failed.model}: ${failed.reason}`);
  return passed.length === 0 ? choice.why : `a fallback (${passed.join(", ")}); first ${choice.why}`;
}

/** Three bytes a token is above what tokenizers make of any of our languages; the tools are sent too. */
function tokensAtMost(prompt: Prompt, system: string): number {
  const files = attachedTo(prompt).reduce((sum, file) => sum + fileTokens(file), 0);
  return (
    Math.ceil((Buffer.byteLength(system) + Buffer.byteLength(JSON.stringify(prompt.messages)) + Buffer.byteLength(JSON.stringify(prompt.tools))) / 3) +
    64 +
    files
  );
}

type Granted = Extract<CallAllotment, { kind: "granted" }>;

async function start(session: Session, call: Call, { allotted, decision }: { allotted: Granted; decision: Json }): Promise<Started> {
  const { engine, lease, state } = session;
  const { act, model } = call;
  const { run } = state;
  const payload = {
    act: act.id,
    kind: act.kind,
    name: act.name,
    model,
    task: call.task.name,
    decision,
    reservedNanos: allotted.reserve.nanos,
    warned: allotted.warned as unknown as Json,
  };
  const started = await startAct(engine.db, {
    act,
    lease,
    decision,
    event: prepareEvent(runEvent(session, "act.started", payload), engine.clock.nowMs()),
    reservation: {
      actId: act.id,
      attempt: act.attempts + 1,
      runId: run.id,
      ticketId: run.ticketId,
      agent: run.agent,
      labels: { ...run.labels, purpose: act.name },
      tier: call.tier,
      model,
      pricedAs: engine.prices(session.current.workspace).priceOf(model, { input: 1, cached: 0, output: 1 })?.pricedAs ?? null,
      ...allotted.reserve,
      opens: allotted.opens ?? false,
    },
  });
  if (started === "lost") throw new LeaseLost(`the act ${act.id} could not be started`);
  return started;
}

function wireCall({ model, prompt, kind, schema, wire, settings }: Call, maxOutputTokens: number): ModelCall {
  const output = schema && { name: kind.purpose, schema: wire ?? (z.toJSONSchema(schema, { io: "input" }) as Json) };
  const temperature = kind.temperature ?? settings?.temperature;
  const effort = settings?.reasoningEffort;
  return {
    model,
    ...prompt,
    ...(output ? { output } : {}),
    ...(temperature === undefined ? {} : { temperature }),
    ...(effort === undefined ? {} : { reasoningEffort: effort }),
    maxOutputTokens,
  };
}

async function record(session: Session, call: Call, result: ModelResult): Promise<Made> {
  const attempt = call.act.attempts + 1;
  if (result.kind === "failed") return recordFailure(session, call, result.failure);
  const { answer } = result;
  return recordOutcome(session, {
    act: call.act,
    attempt,
    performed: { kind: "done", result: { model: answer.modelId, finish: answer.finish, usage: { ...answer.usage } } },
    settlement: settlementOf(session, call, answer),
    message: messageOf(session.state, { purpose: call.kind.purpose, schema: call.schema, answer, model: call.model }),
    planned: await plannedBy(session, call.act, answer),
  });
}

function settlementOf(session: Session, { act, model }: Call, { usage, modelId }: Pick<ModelAnswer, "usage" | "modelId">): Settlement {
  const cost = session.engine.prices(session.current.workspace).costOf(model, usage);
  const { input, cached, output, reasoning } = usage;
  const known = input !== null && output !== null;
  return {
    actId: act.id,
    attempt: act.attempts + 1,
    ...cost,
    model: `${model.slice(0, model.indexOf(":"))}:${modelId}`,
    tokens: { input, cached, output, reasoning },
    source: known ? "measured" : "estimated",
  };
}

const NOT_CHARGED: ReadonlySet<ModelFailure["reason"]> = new Set([
  "rate_limited",
  "overloaded",
  "usage_limit",
  "not_authorised",
  "bad_request",
  "context_too_long",
]);
/** The provider was not there, or would not: nothing is charged and nothing is wrong with the call, so the run waits for as long as it takes. */
const OUTAGES: ReadonlySet<ModelFailure["reason"]> = new Set(["rate_limited", "overloaded", "usage_limit", "network"]);
const MOST_ATTEMPTS = 12;
/** On top of the time that a provider stated, never before it: runs that wait for one moment do not come back at one moment. */
const JITTER_SHARE = 0.1;
const LEAST_JITTER_MS = 250;
const MOST_JITTER_MS = 30_000;

/** Another model at once where there is one; else later, when the first of them may be asked again; else it failed. */
async function recordFailure(session: Session, call: Call, failure: ModelFailure): Promise<Made> {
  if (failure.reason === "aborted") throw new LeaseLost(`the call of ${call.act.id} was stopped`);
  const attempt = call.act.attempts + 1;
  const nowMs = session.recordNowMs();
  const retryAtMs = failure.retryable ? nowMs + retryAfterMs(session, failure, attempt) : null;
  const failures = [...call.failures.filter((known) => known.model !== call.model), { model: call.model, reason: failure.reason, retryAtMs }];
  const error: ActError = { code: `model_${failure.reason}`, message: `${call.model}: ${failure.message}`, retryAtMs };
  const counted = call.counted + (OUTAGES.has(failure.reason) ? 0 : 1);
  const next = counted < MOST_ATTEMPTS ? nextTryMs(call.choice.candidates, failures, nowMs) : undefined;
  return recordOutcome(session, {
    act: call.act,
    attempt,
    performed: next === undefined ? { kind: "failed", error } : { kind: "later", afterMs: next - nowMs, error },
    settlement: failedSettlement(session, call, failure),
    notes: { failures: failures as unknown as Json, counted },
  });
}

/** The provider's time stands by the clock of this process; that one may be wrong, so only the span counts. */
function retryAfterMs(session: Session, failure: ModelFailure, attempt: number): number {
  if (failure.retryAtMs === null) return pauseMs(attempt);
  const statedMs = Math.max(0, failure.retryAtMs - session.engine.clock.nowMs());
  return statedMs + Math.round(Math.random() * Math.min(LEAST_JITTER_MS + statedMs * JITTER_SHARE, MOST_JITTER_MS));
}

function nextTryMs(candidates: readonly string[], failures: Failures, nowMs: number): number | undefined {
  if (candidates.some((model) => !failures.some((failure) => failure.model === model))) return nowMs;
  const times = failures.map((failure) => failure.retryAtMs).filter((time) => time !== null);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** A provider that turned the call away charges nothing; of a call that broke in the middle nobody knows, so it counts with its reservation. */
function failedSettlement(session: Session, call: Call, failure: ModelFailure): Settlement {
  if (failure.usage) return settlementOf(session, call, { usage: failure.usage, modelId: call.model.slice(call.model.indexOf(":") + 1) });
  if (!NOT_CHARGED.has(failure.reason)) return lostAttempt(call.act.id, call.act.attempts + 1);
  const tokens = { input: 0, cached: 0, output: 0, reasoning: 0 };
  return { actId: call.act.id, attempt: call.act.attempts + 1, costNanos: 0, listNanos: 0, pricedAs: null, model: null, tokens, source: "measured" };
}
