import { openAsk } from "#src/asks/store/open.ts";
import { type Db, inTransaction, type Transaction } from "#src/database/open.ts";
import { append } from "#src/journal/store/append.ts";
import { digestOf, type Json } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { failpoint } from "#src/kernel/failpoint.ts";
import { type AskId, newId, type RunId } from "#src/kernel/ids.ts";
import { type CostGroup, costReport } from "#src/ledger/reports.ts";
import { createRun, type RunPlace, type Said } from "#src/runs/create.ts";
import type { Engine } from "#src/runs/engine.ts";
import { JUDGE } from "#src/runs/judge/procedure.ts";
import { judgeSections, sectionsOf } from "#src/runs/judge/sections.ts";
import type { JudgeWorld } from "#src/runs/judge/world.ts";
import type { JudgeBrief } from "#src/runs/run.ts";
import { JUDGE_AGENT } from "#src/workspace/manifest/workspace.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { lookAtAll, lookAtWorld } from "./look.ts";
import { decisionEnd, type DecisionEnd, JUDGE_PURPOSE, JUDGE_SOURCE, judgeRecord, lockJudge, setAfter, shownTo } from "../store/judgements.ts";
import { faceAfter, faceOf, type OwnAct } from "./face.ts";
import { GO_ON, type JudgeAsk, type Judgement, type JudgeState, type NextJudgement, nextJudgement, type Wake } from "./next-judgement.ts";

export interface JudgeParts {
  readonly engine: Pick<Engine, "db" | "clock" | "log" | "workspaces" | "tiers">;
  /** A run may have become due. */
  readonly changed: () => void;
}

export interface Judge {
  /** Does what is due now, if the judge is inside. Late, twice and from several processes at once are fine. Gives what it found; undefined: the judge is outside. */
  beat(): Promise<NextJudgement | undefined>;
  /** The same, no more often than makes sense where hints come thick. Says in the log what keeps the judge from deciding. */
  paced(): Promise<void>;
}

/** A hint comes with each thing that is committed; the world is read no more often than this. */
const LEAST_BETWEEN_MS = 200;
const HOUR_MS = 3_600_000;

/** Wakes the judge inside: a run of the agent `root` for each decision, and never two at once. */
export function createJudge(parts: JudgeParts): Judge {
  const { workspaces, log } = parts.engine;
  let lookedAtMs = -Infinity;
  let saidWhy = "";
  const beat = async (): Promise<NextJudgement | undefined> => {
    if ((await workspaces.current()).workspace.manifest.judge !== "inside") return undefined;
    let next = await step(parts);
    for (let more = 2; more > 0 && (next.kind === "settle" || next.kind === "ask"); more -= 1) next = await step(parts);
    return next;
  };
  return {
    beat,
    async paced() {
      if (performance.now() - lookedAtMs < LEAST_BETWEEN_MS) return;
      lookedAtMs = performance.now();
      try {
        await beat();
        saidWhy = "";
      } catch (error) {
        if (!(error instanceof LoopError)) throw error;
        if (saidWhy !== error.message) log.warn("the judge inside cannot decide", { error });
        saidWhy = error.message;
      }
    },
  };
}

interface Standing {
  readonly state: JudgeState;
  readonly next: NextJudgement;
  /** By the clock of the database. */
  readonly nowMs: number;
}

/** How the judge inside stands now. Reads only. */
export async function judgeStanding({ engine }: { readonly engine: Pick<Engine, "db" | "clock" | "workspaces"> }): Promise<Standing> {
  const [{ workspace }, { facing }, record] = await Promise.all([engine.workspaces.current(), lookAtWorld(engine), judgeRecord(engine.db)]);
  const { last, startedInHour, asks, nowMs } = record;
  const state = { now: faceOf(facing), last, startedInHour, asks, terms: termsOf(workspace) };
  return { state, next: nextJudgement(state, nowMs), nowMs };
}

const termsOf = ({ manifest: { judgement } }: Workspace): JudgeState["terms"] => ({ noopTtlMs: judgement.noopTtl, mostPerHour: judgement.mostPerHour });

async function step(parts: JudgeParts): Promise<NextJudgement> {
  const standing = await judgeStanding(parts);
  const { next } = standing;
  if (next.kind === "settle") await settle(parts, next.runId, standing);
  if (next.kind === "ask") await askPeople(parts, next);
  if (next.kind === "decide" && (await decide(parts, next.wake, standing))) parts.changed();
  return next;
}

/** Begins a decision. False: somebody else was sooner. */
async function decide({ engine }: JudgeParts, wake: Wake, { state, nowMs }: Standing): Promise<boolean> {
  const { db, clock, workspaces, tiers } = engine;
  const [{ revision, workspace }, seen] = await Promise.all([workspaces.current(), lookAtAll(engine)]);
  const [input, ...further] = await sectionsFor(db, { ...seen.shown, nowMs, timeZone: workspace.manifest.timeZone, reason: reasonText(wake) }, state.last[0]);
  const judge: JudgeBrief = { ...wake, worldHash: seen.hash, cursor: seen.cursor, seen: faceOf(seen.facing) };
  // What is wanted here and what is sensed is nobody else's: what would carry it outside on the word of a stranger needs a person.
  const request = { agent: JUDGE_AGENT, ticketId: null, threadId: null, labels: {}, procedure: JUDGE, brief: { judge, sawPrivate: true } } as const;
  const place: RunPlace = { clock, revision, workspace, tiers: tiers(workspace) };
  return inTransaction(db, async (tx) => {
    await lockJudge(tx);
    if ((await judgeRecord(tx)).last[0]?.runId !== state.last[0]?.runId) return false;
    const runId = await createRun(tx, place, { ...request, input: input!, further });
    failpoint("judge.created");
    const payload = { reason: wake.reason, changed: wake.changed, sensor: wake.sensor, worldHash: seen.hash };
    await append(tx, clock, [{ kind: "judge.woken", actor: "system", runId, payload }]);
    failpoint("judge.woken");
    return true;
  });
}

const reasonText = ({ reason, sensor }: Wake): string => (sensor === null ? reason : `${reason} (sensor ${JSON.stringify(sensor)})`);

/** The world in entries of their own, so that each says where it came from. */
async function sectionsFor(db: Db, world: Omit<JudgeWorld, "lastFailure">, newest: Judgement | undefined): Promise<Said[]> {
  const isFailed = newest && newest.state !== "done" && newest.state !== "cancelled";
  const lastFailure = isFailed ? failureText(await decisionEnd(db, newest.runId)) : null;
  const before = newest ? (await shownTo(db, newest.runId)).flatMap(sectionsOf) : [];
  return judgeSections({ ...world, lastFailure }, before).map(({ text, trust }): Said => ({ text, trust, source: JUDGE_SOURCE }));
}

function failureText({ state, reason, acts }: DecisionEnd): string {
  const done = acts.filter((act) => act.state === "done").map(({ name }) => name);
  return [`The last decision ended as ${state}: ${reason ?? "nobody knows why"}.`, `Done before that: ${done.join(", ") || "nothing"}.`].join("\n");
}

const WAKE_IN = "loop.wake_in";
const LEAST_WAKE_S = 5;
const MOST_WAKE_S = 300;

/** Writes down what an ended decision left, with the world as it is now: what it did itself does not wake the next one. */
async function settle({ engine: { db, clock } }: JudgeParts, runId: string, { state, nowMs }: Standing): Promise<void> {
  const judged = state.last.find((one) => one.runId === runId)!;
  const end = await decisionEnd(db, runId);
  const acts = end.acts.filter((act) => act.state === "done").map((act): OwnAct => ({ tool: act.name, args: act.args as OwnAct["args"] }));
  const effects = acts.filter(({ tool }) => tool !== WAKE_IN);
  const fingerprint = effects.length === 0 ? null : digestOf(effects as unknown as Json);
  const wanted = acts.findLast(({ tool }) => tool === WAKE_IN)?.args["seconds"];
  const wakeAtMs = typeof wanted === "number" ? (judged.endedAtMs ?? nowMs) + Math.min(Math.max(wanted, LEAST_WAKE_S), MOST_WAKE_S) * 1_000 : null;
  const [costs] = await costReport(db, { by: "all" }, { fromMs: 0, runId });
  await inTransaction(db, async (tx) => {
    if (!(await setAfter(tx, runId, { face: faceAfter(judged.brief!.seen, state.now, acts), fingerprint, wakeAtMs }))) return;
    const payload = { outcome: end.state, reason: judged.brief!.reason, did: effects.map(({ tool }) => tool), said: end.said, costUsd: costUsdOf(costs) };
    await append(tx, clock, [{ kind: "judge.decided", actor: `agent:${JUDGE_AGENT}`, runId: runId as RunId, payload }]);
    failpoint("judge.settled");
  });
}

/** Null: some of it is unknown, so the sum is. */
const costUsdOf = (costs: CostGroup | undefined): number | null => (costs === undefined ? 0 : costs.unknownCalls > 0 ? null : costs.costNanos / 1e9);

const PROMPTS: Readonly<Record<JudgeAsk["about"], { readonly prompt: string; readonly options: readonly string[] }>> = {
  cap: { prompt: "The judge inside has taken as many decisions within an hour as loop.yaml allows. May it go on?", options: [GO_ON, "wait for the hour"] },
  loop: { prompt: "The judge inside did the same three times on the same world. May it go on?", options: [GO_ON, "wait until something moves"] },
};

/** Asks once about the same decision, whoever notices it. */
async function askPeople({ engine }: JudgeParts, { about, runId }: Extract<NextJudgement, { kind: "ask" }>): Promise<void> {
  const { db, clock, workspaces } = engine;
  const { revision } = await workspaces.current();
  await inTransaction(db, async (tx) => {
    await lockJudge(tx);
    if (await isAsked(tx, { about, runId })) return;
    const id = newId("ask", clock.nowMs()) as AskId;
    const { prompt, options } = PROMPTS[about];
    await openAsk(tx, {
      id,
      kind: "choice",
      purpose: JUDGE_PURPOSE,
      runId: null,
      actId: null,
      ticketId: null,
      prompt,
      detail: { about, run: runId },
      options,
      approvers: { roles: ["operator", "approver", "admin", "owner"], names: [] },
      quorum: 1,
      binding: null,
      rule: null,
      expiry: about === "cap" ? [{ afterMs: HOUR_MS, do: "fail" }] : [],
      revision,
    });
    await append(tx, clock, [{ kind: "ask.opened", actor: "system", payload: { ask: id, kind: "choice", purpose: JUDGE_PURPOSE, prompt, about, run: runId } }]);
    failpoint("judge.asked");
  });
}

const isAsked = async (tx: Transaction, { about, runId }: { about: string; runId: string }): Promise<boolean> =>
  (await judgeRecord(tx)).asks.some((ask) => ask.about === about && ask.runId === runId);
