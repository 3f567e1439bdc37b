import { isDeepStrictEqual } from "node:util";
import type { PolicyRule } from "#src/workspace/manifest/governance.ts";
import { dollars, named } from "./change.ts";

type When = PolicyRule["when"];

/** Whether conditions fit more acts than before, fewer, or partly others. */
export type Reach = "equal" | "more" | "fewer" | "other";

export function reachOf(before: When, after: When): Reach {
  const members = [...new Set([...Object.keys(before), ...Object.keys(after)])] as (keyof When)[];
  const reaches = new Set(members.map((member) => memberReach(member, before, after)));
  reaches.delete("equal");
  return reaches.size === 0 ? "equal" : reaches.size === 1 ? [...reaches][0]! : "other";
}

function memberReach(member: keyof When, before: When, after: When): Reach {
  const [old, now] = [before[member], after[member]];
  if (isDeepStrictEqual(old, now)) return "equal";
  if (old === undefined) return "fewer";
  if (now === undefined) return "more";
  if (Array.isArray(old) && Array.isArray(now)) return sets(old, now);
  if (member === "severity") return after.severity!.atLeast < before.severity!.atLeast ? "more" : "fewer";
  if (member === "cost") return costReach(before.cost!, after.cost!);
  if (member === "label") return labelReach(before.label!, after.label!);
  return "other";
}

function sets(old: readonly string[], now: readonly string[]): Reach {
  const [hasAllOld, hasOnlyOld] = [old.every((one) => now.includes(one)), now.every((one) => old.includes(one))];
  return hasAllOld && hasOnlyOld ? "equal" : hasAllOld ? "more" : hasOnlyOld ? "fewer" : "other";
}

function costReach(old: NonNullable<When["cost"]>, now: NonNullable<When["cost"]>): Reach {
  if ("aboveUsd" in old && "aboveUsd" in now) return now.aboveUsd < old.aboveUsd ? "more" : "fewer";
  if ("upToUsd" in old && "upToUsd" in now) return now.upToUsd > old.upToUsd ? "more" : "fewer";
  return "other";
}

function labelReach(old: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): Reach {
  const within = (a: typeof old, b: typeof old) => Object.entries(a).every(([key, value]) => b[key] === value);
  return within(old, now) ? "fewer" : within(now, old) ? "more" : "other";
}

/** The acts that conditions fit, in words: "message acts named dispatch that cost more than $200". */
export function actsWords(when: When): string {
  const { kind, name, agent, effect, risk, severity, cost, label, taint, path } = when;
  const some = (lead: string, of: readonly string[] | undefined) => (of === undefined ? [] : [`${lead}${named(of, "or")}`]);
  const where = [
    ...some("named ", name),
    ...some("of ", agent),
    ...some("with the effect ", effect),
    ...some("of risk ", risk),
    ...(severity ? [`of severity ${severity.atLeast} or more`] : []),
    ...(cost ? ["aboveUsd" in cost ? `that cost more than ${dollars(cost.aboveUsd)}` : `that cost ${dollars(cost.upToUsd)} or less`] : []),
    ...(label ? [`labelled ${named(Object.entries(label).map(([key, value]) => `${key}=${value}`))}`] : []),
    ...some("that rest on texts from ", taint),
    ...some("on ", path),
  ];
  return [kind === undefined ? "acts" : `${named(kind, "or")} acts`, ...where].join(" ");
}
