import { digestOf, type Json } from "#src/kernel/canonical-json.ts";
import type { Act } from "#src/acts/act.ts";
import { isSettled } from "#src/acts/act.ts";
import type { PlannedAsk } from "./procedure.ts";
import type { RunState } from "./run.ts";

/** How often the same call with the same result is no accident any more. */
const SAME_CALLS = 4;
const PURPOSE = "repeating";

export type Repetition =
  | { readonly kind: "ask"; readonly ask: PlannedAsk }
  /** The question is open. */
  | { readonly kind: "park" }
  | { readonly kind: "stop"; readonly why: string };

/**
 * What to do about a run that calls the same tool with the same arguments and gets the same result again and again: ask once, and again when it goes on after
 * that. Counted by what was called and what came of it, so that waiting for something that changes is no loop. Pure.
 */
export function repetition(state: RunState): Repetition | undefined {
  const asked = state.asks.filter((ask) => ask.purpose === PURPOSE);
  const last = asked.at(-1);
  if (last?.state === "open") return { kind: "park" };
  if (last && last.answer !== "go on") return { kind: "stop", why: `${last.settledBy ?? "nobody"} did not let it go on: it repeated itself` };
  const calls = state.acts.filter((act) => (act.kind === "tool" || act.kind === "shell") && isSettled(act.state) && act.facts.callId !== undefined);
  const since = calls.slice(asked.length === 0 ? 0 : (last!.detail["calls"] as number));
  const most = mostRepeated(since);
  if (!most || most.count < SAME_CALLS) return undefined;
  const { act, count } = most;
  return {
    kind: "ask",
    ask: {
      kind: "choice",
      purpose: PURPOSE,
      prompt: `${state.run.agent} called ${act.name} ${count} times with the same arguments and got the same result. May it go on?`,
      detail: { name: act.name, args: act.args, times: count, calls: calls.length },
      options: ["go on", "stop"],
      approvers: { roles: ["operator", "approver", "admin", "owner"], names: [] },
      expiry: [],
    },
  };
}

function mostRepeated(acts: readonly Act[]): { act: Act; count: number } | undefined {
  const byFingerprint = Map.groupBy(acts, (act) => digestOf({ name: act.name, args: act.args, result: act.result, error: (act.error ?? null) as Json }));
  const groups = [...byFingerprint.values()].toSorted((a, b) => b.length - a.length);
  return groups[0] && { act: groups[0][0]!, count: groups[0].length };
}
