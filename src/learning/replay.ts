import { proposalOf, rulesOf } from "#src/acts/gate.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import { type Decision, decide } from "#src/policy/decide.ts";
import { desk } from "#src/runs/desk/procedure.ts";
import { deskRules } from "#src/runs/desk/rules.ts";
import type { PlannedAct } from "#src/runs/procedure.ts";
import type { Message, RunState } from "#src/runs/run.ts";
import { nextSeq } from "#src/runs/session.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { ResolvedCase } from "./case.ts";

/** What the desk would do with a ticket: the dispatch that it would plan with what policy would say of it, or why there is none. */
export type Replayed = { readonly kind: "dispatch"; readonly act: PlannedAct; readonly decision: Decision } | { readonly kind: "none"; readonly why: string };

const MOST_STEPS = 8;

/**
 * Works a ticket again up to the dispatch, by the rules runner and in this workspace: no model, no statement, no effect. It starts from what was understood
 * then, so that only what the workspace knows makes a difference; `severity` is that of the ticket unless given. Pure.
 */
export function replay({ state, ticket }: ResolvedCase, workspace: Workspace, severity?: number): Replayed {
  let now = understood({ ...state, ticket }, severity);
  for (let count = 0; count < MOST_STEPS; count += 1) {
    const step = desk.next(now, workspace);
    switch (step.kind) {
      case "think": {
        const { purpose } = step.thought;
        const value = deskRules.think(purpose, now, workspace);
        if (value === null) return { kind: "none", why: `the rules have nothing to go by (${purpose})` };
        now = withThought(now, { name: purpose, source: "rules", value });
        break;
      }
      case "plan": {
        const act = step.acts.find((planned) => planned.name === "dispatch");
        if (act) return { kind: "dispatch", act, decision: decide(rulesOf(workspace), proposalOf(act, state.run.agent, state.nowMs)) };
        return { kind: "none", why: `it would do ${step.acts.map((planned) => planned.name).join(", ")} instead` };
      }
      case "ask":
        return { kind: "none", why: `it would ask: ${step.ask.prompt}` };
      case "fail":
        return { kind: "none", why: step.message };
      case "park":
      case "finish":
        return { kind: "none", why: "it would send nobody" };
    }
  }
  return { kind: "none", why: `it did not come to a dispatch in ${MOST_STEPS} steps` };
}

/** The state after the message was understood and what is known was recalled, and before anything was drafted. */
function understood(state: RunState, severity: number | undefined): RunState {
  const triage = state.ticket!.triage ?? {};
  const value = {
    category: triage.category ?? "",
    severity: severity ?? triage.severity ?? 1,
    urgencyMinutes: triage.urgencyMinutes ?? 240,
    risks: triage.risks ?? [],
    language: triage.language ?? "und",
  };
  const before: RunState = {
    ...state,
    run: { ...state.run, runner: "rules" },
    ticket: { ...state.ticket!, status: "triaged", triage: { ...triage, severity: value.severity, vendor: null, costUsd: null, etaMinutes: null } },
    messages: state.messages.filter((message) => message.role === "input"),
    acts: state.acts.filter((act) => act.name === "brain.search"),
    asks: [],
  };
  return withThought(before, { name: "classify", source: triage.by ?? "rules", value });
}

function withThought(state: RunState, { name, source, value }: { name: string; source: string; value: Json }): RunState {
  const thought: Message = { seq: nextSeq(state), role: "thought", name, source, trust: "agent", content: { value } };
  return { ...state, messages: [...state.messages, thought] };
}
