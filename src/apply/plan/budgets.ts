import type { Budget } from "#src/workspace/model.ts";
import { compareMembers, dollars, elsewhere, type MemberRules, neutral, type Said, wider } from "./change.ts";

const PERIOD = { run: "a run", ticket: "a ticket", day: "a day", month: "a month" } as const;

/** Whose money it is. */
export function budgetSubject({ scope }: Budget): string {
  if ("workspace" in scope) return "the workspace";
  if ("agent" in scope) return scope.agent;
  if ("label" in scope) return scope.value === undefined ? `each ${scope.label}` : `${scope.label} ${scope.value}`;
  return "each" in scope ? `each ${scope.each}` : "a scope";
}

/** What is said of one budget; `isOfNew`: it came with its subject, or went with it, and so changes nothing that was there. */
export function budgetSaid(before: Budget | undefined, after: Budget | undefined, isOfNew: boolean): Said[] {
  if (!after) return isOfNew ? [] : [wider(`has no budget ${before!.name} any more; it ${capWords(before!).replace(/^may/, "could")}`)];
  if (!before) return [[isOfNew ? "same" : "narrower", `${capWords(after)}${after.onReach === "warn" ? ", and is only warned beyond it" : ""}`]];
  return compareMembers(rulesFor(before, after), before, after);
}

function capWords({ capUsd, capTokens, period }: Budget): string {
  const caps = [...(capUsd === undefined ? [] : [dollars(capUsd)]), ...(capTokens === undefined ? [] : [`${capTokens.toLocaleString("en-US")} tokens`])];
  return `may spend ${caps.join(" and ")} ${PERIOD[period]}`;
}

function rulesFor(before: Budget, after: Budget): MemberRules<Budget> {
  const money = (usd: number | undefined) => (usd === undefined ? "without a bound in dollars" : `${dollars(usd)} ${PERIOD[after.period]}`);
  const tokens = (count: number | undefined) =>
    count === undefined ? "without a bound in tokens" : `${count.toLocaleString("en-US")} tokens ${PERIOD[after.period]}`;
  return {
    name: elsewhere,
    source: (from, to) => [["same", `has its budget in ${to}, was ${from}`]],
    capUsd: (from, to) => [[rises(from, to), `may spend ${money(to)}, was ${from === undefined ? "not bounded in dollars" : dollars(from)}`]],
    capTokens: (from, to) => [[rises(from, to), `may use ${tokens(to)}, was ${from === undefined ? "not bounded in tokens" : String(from)}`]],
    period: (from, to) => [wider(`${capWords(after)}; the bound was for ${PERIOD[from]}, and is for ${PERIOD[to]}`)],
    scope: () => [wider(`is bounded by ${after.name} now, which bounded ${budgetSubject(before)}`)],
    timeZone: neutral(`time zone for ${after.name}`),
    onReach: (from, to) => [
      to === "warn"
        ? wider(`is only warned at the bound of ${after.name}; before, ${AT_CAP[from]}`)
        : [from === "warn" ? "narrower" : "same", `meets its bound ${after.name} otherwise: ${AT_CAP[to]}; before, ${AT_CAP[from]}`],
    ],
  };
}

const AT_CAP = { block: "each run waits and asks", pause: "all runs wait behind one question", warn: "it is only warned" } as const;

const rises = (before: number | undefined, after: number | undefined) =>
  after === undefined || (before !== undefined && after > before) ? "wider" : "narrower";
