import type { Skill, Sop } from "#src/workspace/model.ts";
import { approversSaid, type Who } from "./approvers.ts";
import { compareMembers, dollars, elsewhere, limitOf, type MemberRules, moved, named, narrower, neutral, type Said, shown, wider } from "./change.ts";

interface Thresholds {
  readonly costAboveUsd?: number | undefined;
  readonly severityAtOrAbove?: number | undefined;
  readonly risks: readonly string[];
  readonly approvers?: Who | undefined;
}

/** The thresholds of an SOP or a skill, beyond which people are asked. */
function thresholdsSaid(before: Thresholds | undefined, after: Thresholds | undefined): Said[] {
  if (!after) return [wider("no longer asks anybody by thresholds of its own")];
  if (!before) return [narrower(`asks people ${thresholdWords(after)}`)];
  return compareMembers<Thresholds>(
    {
      costAboveUsd: (from, to) => [
        [
          to === undefined || (from !== undefined && to > from) ? "wider" : "narrower",
          to === undefined
            ? `asks at no cost any more, was above ${dollars(from!)}`
            : `asks above ${dollars(to)}${from === undefined ? "" : `, was ${dollars(from)}`}`,
        ],
      ],
      severityAtOrAbove: (from, to) => [
        [
          to === undefined || (from !== undefined && to > from) ? "wider" : "narrower",
          to === undefined ? `asks at no severity any more, was ${from}` : `asks from severity ${to} on${from === undefined ? "" : `, was ${from}`}`,
        ],
      ],
      risks: (from, to) => {
        const { gained, lost } = moved(from, to);
        return [
          ...(lost.length > 0 ? [wider(`no longer asks at the risk ${named(lost)}`)] : []),
          ...(gained.length > 0 ? [narrower(`asks at the risk ${named(gained)}`)] : []),
        ];
      },
      approvers: (from, to) => approversSaid("what it asks for", from, to),
    },
    before,
    after,
  );
}

function thresholdWords({ costAboveUsd, severityAtOrAbove, risks }: Thresholds): string {
  const when = [
    ...(costAboveUsd === undefined ? [] : [`above ${dollars(costAboveUsd)}`]),
    ...(severityAtOrAbove === undefined ? [] : [`from severity ${severityAtOrAbove} on`]),
    ...(risks.length === 0 ? [] : [`at the risk ${named(risks, "or")}`]),
  ];
  return when.length === 0 ? "before it acts" : named(when, "or");
}

function checkSaid(before: Sop["check"], after: Sop["check"]): Said[] {
  if (!after) return [wider("no longer checks that the work is done")];
  const runs = after.by === "command" ? `runs ${after.command.join(" ")} to see whether the work is done` : undefined;
  if (!before) return [runs === undefined ? narrower(`checks by ${after.by} that the work is done`) : wider(runs)];
  return [wider(runs ?? `checks by ${after.by} that the work is done, in another way than before`)];
}

const text = (): Said[] => [];

const SOP: MemberRules<Sop> = {
  id: elsewhere,
  source: elsewhere,
  body: text,
  title: text,
  triggers: (from, to) => [wider(`is found by the words ${shown(to)}, was by ${shown(from)}`)],
  urgencyMinutes: text,
  preferredVendors: text,
  costEstimateUsd: (from, to) => [
    [
      to !== undefined && (from === undefined || to < from) ? "wider" : "narrower", // what is unknown is asked about
      `is reckoned at ${to === undefined ? "nothing known" : dollars(to)}, was ${from === undefined ? "nothing known" : dollars(from)}`,
    ],
  ],
  etaMinutes: text,
  labels: (from, to) => [wider(`is for tickets with ${shown(to)}, was for ${shown(from)}`)],
  language: text,
  category: (from, to) => [wider(`is for ${to}, was for ${from}`)],
  severity: (from, to) => [[to < from ? "wider" : "narrower", `starts at severity ${to}, was ${from}`]],
  raise: (from, to) => [
    [from.every((one) => to.some((other) => JSON.stringify(one) === JSON.stringify(other))) ? "narrower" : "wider", "raises severity and risk by other words"],
  ],
  escalation: thresholdsSaid,
  check: checkSaid,
  acknowledgeWithin: () => [["same", "waits another time for an acknowledgement"]],
};

/** What is said of the thresholds of one SOP; its text is direction, and no power. */
export function sopSaid(before: Sop | undefined, after: Sop | undefined): Said[] {
  if (before && after) return compareMembers(SOP, before, after);
  if (!after) return [before!.escalation || before!.check ? wider("is gone, and what it asked and checked with it") : ["same", "is gone"]];
  return [
    ["same", "is new"],
    ...(after.escalation ? thresholdsSaid(undefined, after.escalation) : []),
    ...(after.check ? checkSaid(undefined, after.check) : []),
  ];
}

const SKILL: MemberRules<NonNullable<Skill["metadata"]>> = {
  category: (from, to) => [["same", `is for ${to}, was for ${from}`]],
  triggers: neutral("choice of tickets that it is for"),
  inputs: neutral("list of inputs"),
  steps: neutral("list of steps"),
  preferredVendors: neutral("list of vendors"),
  costEstimateUsd: neutral("estimate of its cost"),
  etaMinutes: neutral("estimate of its time"),
  voice: neutral("voice"),
  sources: neutral("list of sources"),
  costCapUsd: limitOf((usd) => `may cost ${dollars(usd)}`, "may cost anything that budgets bear"),
  approval: thresholdsSaid,
  check: checkSaid,
};

/** What is said of one skill; its scripts are said as code. */
export function skillSaid(before: Skill | undefined, after: Skill | undefined): Said[] {
  if (!after) return [narrower("is gone")];
  const check = after.metadata?.check;
  if (!before) return [["same", `is a new skill: ${after.description}`], ...(check ? checkSaid(undefined, check) : [])];
  const own = before.metadata && after.metadata ? compareMembers(SKILL, before.metadata, after.metadata) : [];
  const metadata: Said[] = before.metadata && !after.metadata ? [wider("has no skill.yaml any more, and asks by no thresholds")] : [];
  const text: Said[] = before.body === after.body && before.description === after.description ? [] : [["same", "has another text"]];
  return [...own, ...metadata, ...text];
}
