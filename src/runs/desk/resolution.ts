import type { Act } from "#src/acts/act.ts";
import type { CheckArgs } from "#src/acts/perform-check.ts";
import type { Ask } from "#src/asks/ask.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { CheckDeclaration } from "#src/workspace/manifest/knowledge.ts";
import type { PlannedAct, Step } from "../procedure.ts";
import type { RunState } from "../run.ts";
import { type DispatchPlan, subjectOf, surfaceOf } from "./messages.ts";

/*
 * How work that was dispatched becomes resolved. The post-condition of the SOP (else of the skill) is run by the system: once when the work should be done,
 * and each time a person says that it is. Where none is declared only a person may resolve, and the receipt says `unchecked`.
 */

export const RESOLUTION = "resolution";
export const DONE = "done";
const NOT_NEEDED = "not needed";

const ETA_CAUSE = "eta";
const USUAL_ETA_MINUTES = 24 * 60;

/** `sentAct`: the dispatch that was acknowledged. */
export function resolve(plan: DispatchPlan, sentAct: Act): Step {
  const { state, known } = plan;
  const declared = known.sop?.check ?? known.skill?.metadata?.check;
  const asks = state.asks.filter((ask) => ask.purpose === RESOLUTION);
  const last = asks.at(-1);
  if (!last) return askForResolution(plan, undefined);
  if (last.state === "open") return whileOpen(plan, { declared, sentAct });
  if (last.answer === NOT_NEEDED)
    return { kind: "finish", outcome: { said: `${last.settledBy} said: not needed any more`, checked: "none" }, ticket: { status: "cancelled" } };
  if (last.answer !== DONE) return askForResolution(plan, "nobody said whether it is done");
  if (!declared) return resolved(last, { verdict: "unchecked", by: last.settledBy });
  const check = checkFor(state, last.id);
  if (!check) return planCheck(plan, declared, last.id);
  return afterCheck(plan, check, last);
}

/** The system looks by itself once, when the work should be done. */
function whileOpen(plan: DispatchPlan, { declared, sentAct }: { declared: CheckDeclaration | undefined; sentAct: Act }): Step {
  const { state } = plan;
  if (!declared) return { kind: "park" };
  const check = checkFor(state, ETA_CAUSE);
  if (check) return verdictOf(check) === "passed" ? resolved(undefined, check.result as { verdict: string }) : { kind: "park" };
  const acknowledgedAtMs = state.asks.find((ask) => ask.actId === sentAct.id && ask.purpose === "acknowledgement")?.settledAtMs ?? state.nowMs;
  const dueAtMs = acknowledgedAtMs + (plan.draft.etaMinutes ?? USUAL_ETA_MINUTES) * 60_000;
  return dueAtMs <= state.nowMs ? planCheck(plan, declared, ETA_CAUSE) : { kind: "park", untilMs: dueAtMs };
}

function afterCheck(plan: DispatchPlan, check: Act, ask: Ask): Step {
  const verdict = verdictOf(check);
  if (verdict === "passed") return resolved(ask, check.result as { verdict: string });
  const { why, answer } = (check.result ?? {}) as { why?: string; answer?: string };
  const said =
    check.state !== "done"
      ? `the check was ${check.state}: ${check.error?.message ?? ""}`
      : `the check ${verdict === "failed" ? "failed" : "could not be read"}${(why ?? answer) ? `: ${why ?? answer}` : ""}`;
  return askForResolution(plan, said);
}

const verdictOf = (check: Act): string => (check.state === "done" ? ((check.result as { verdict?: string } | null)?.verdict ?? "unreadable") : "unreadable");

const checkFor = (state: RunState, cause: string): Act | undefined =>
  state.acts.findLast((act) => act.kind === "check" && (act.args as { cause?: string }).cause === cause);

function resolved(ask: Ask | undefined, result: { readonly verdict: string; readonly [key: string]: Json }): Step {
  const checked = result.verdict === "passed" ? "passed" : "unchecked";
  const said = ask ? `${ask.settledBy} said that it is done` : "the check passed when the work should have been done";
  return { kind: "finish", outcome: { said, checked }, ticket: { status: "resolved", resolution: { checked, said, by: ask?.settledBy ?? "system" } } };
}

function askForResolution({ state, known, triage, draft }: DispatchPlan, trouble: string | undefined): Step {
  const ticket = state.ticket!;
  const what = known.sop?.title ?? triage.category;
  return {
    kind: "ask",
    ticket: { status: "dispatched" },
    ask: {
      kind: "choice",
      purpose: RESOLUTION,
      prompt: `${trouble === undefined ? "" : `Not resolved, ${trouble}. `}Is #${ticket.number} done: ${what}?`,
      detail: { ticket: ticket.id, ...(trouble === undefined ? {} : { trouble }) },
      options: [DONE, NOT_NEEDED],
      approvers: { roles: ["operator", "approver", "admin", "owner"], names: known.carers.map((member) => member.id) },
      expiry: [{ afterMs: (draft.etaMinutes ?? USUAL_ETA_MINUTES) * 60_000, do: "remind" }],
    },
  };
}

function planCheck(plan: DispatchPlan, declared: CheckDeclaration, cause: string): Step {
  const { ticket } = plan.state;
  const act: PlannedAct = {
    kind: "check",
    name: declared.by,
    effect: declared.by === "reporter" ? "findable" : "idempotent",
    args: argsOf(declared, { cause, reporter: ticket!.sender, surface: surfaceOf(ticket!), subject: subjectOf(ticket!, plan.triage, plan.known) }) as Json,
    facts: { labels: { ...ticket!.labels, category: plan.triage.category }, severity: plan.triage.severity },
  };
  return { kind: "plan", acts: [act], ticket: { status: "in_review" } };
}

function argsOf(declared: CheckDeclaration, to: { cause: string; reporter: string; surface: string; subject: string }): CheckArgs {
  const { cause } = to;
  switch (declared.by) {
    case "command":
      return { cause, by: "command", command: [...declared.command], timeoutMs: declared.timeout, expectExitCode: declared.expectExitCode };
    case "reporter":
      return { ...to, by: "reporter", question: declared.question, yes: declared.yes, no: declared.no, withinMs: declared.within };
    case "sensor":
      return { cause, by: "sensor", sensor: declared.sensor, field: declared.field, equals: declared.equals };
  }
}
