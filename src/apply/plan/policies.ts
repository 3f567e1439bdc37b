import type { PolicyRule } from "#src/workspace/manifest/governance.ts";
import type { Policy } from "#src/workspace/model.ts";
import { termsSaid } from "./approvers.ts";
import { compareMembers, elsewhere, listOf, type MemberRules, named, narrower, type Said, wider } from "./change.ts";
import { actsWords, type Reach, reachOf } from "./conditions.ts";

const DOES = { allow: "allows", ask: "asks before", deny: "denies" } as const;
const STRENGTH = { allow: 0, ask: 1, deny: 2 } as const;

/** What is said of one rule of policy, by its name. */
export function ruleSaid(before: PolicyRule | undefined, after: PolicyRule | undefined): Said[] {
  if (!before)
    return [[after!.then === "allow" ? "wider" : "narrower", `is a new rule: it ${DOES[after!.then]} ${actsWords(after!.when)}${liftsWords(after!)}`]];
  if (!after) return [[before.then === "allow" ? "narrower" : "wider", `is gone; it ${past(before.then)} ${actsWords(before.when)}`]];
  return compareMembers(rulesFor(before, after), before, after);
}

const liftsWords = ({ lifts, until }: PolicyRule): string => `${lifts ? `, and lifts the asks of ${named(lifts)}` : ""}${until ? `, until ${until}` : ""}`;

const past = (then: PolicyRule["then"]): string => ({ allow: "allowed", ask: "asked before", deny: "denied" })[then];

function rulesFor(before: PolicyRule, after: PolicyRule): MemberRules<PolicyRule> {
  const what = actsWords(after.when);
  const terms = (): Said[] => termsSaid(what, before, after);
  return {
    name: elsewhere,
    why: () => [["same", "gives another reason"]],
    then: (from, to) => [[STRENGTH[to] < STRENGTH[from] ? "wider" : "narrower", `${DOES[to]} ${what}, ${past(from)} them before`]],
    when: () => [[effectOf(reachOf(before.when, after.when), after.then), `${DOES[after.then]} ${what}; before: ${actsWords(before.when)}`]],
    lifts: listOf("lifts the asks of", "no longer lifts the asks of"),
    until: (from, to) => [
      [
        lastsLonger(from, to) === (after.then === "allow") ? "wider" : "narrower",
        `counts ${to === undefined ? "without an end" : `until ${to}`}, was ${from === undefined ? "without an end" : `until ${from}`}`,
      ],
    ],
    separation: (_from, to) => [to ? narrower("no longer lets those who brought the work approve it") : wider("lets those who brought the work approve it")],
    approvers: terms,
    quorum: before.approvers === after.approvers || sameWho(before, after) ? terms : elsewhere,
    expiry: sameWho(before, after) && before.quorum === after.quorum ? terms : elsewhere,
  };
}

const lastsLonger = (before: string | undefined, after: string | undefined): boolean =>
  after === undefined || (before !== undefined && Date.parse(after) > Date.parse(before));

const sameWho = (before: PolicyRule, after: PolicyRule): boolean => JSON.stringify(before.approvers) === JSON.stringify(after.approvers);

function effectOf(reach: Reach, then: PolicyRule["then"]): Said[0] {
  if (reach === "equal") return "same";
  if (reach === "other") return "wider"; // some acts are let go, whichever way the rule points
  return (reach === "more") === (then === "allow") ? "wider" : "narrower";
}

/** A workspace that had no policy was held by the built-in one, which asks before everything that reaches out. */
export function policiesSaid(before: readonly Policy[], after: readonly Policy[]): Said[] {
  if (before.length === 0 && after.length > 0) return [wider("the workspace has a policy of its own; until now everything that reaches out was asked")];
  return before.length > 0 && after.length === 0 ? [narrower("the workspace has no policy any more: everything that reaches out is asked")] : [];
}
