import type { ExpiryStep } from "#src/workspace/manifest/common.ts";
import { moved, named, narrower, type Said, wider } from "./change.ts";

export interface Who {
  readonly roles: readonly string[];
  readonly names: readonly string[];
  readonly groups?: readonly string[] | undefined;
}

/** Who answers where a file names nobody: as policy has it. */
const USUAL: Who = { roles: ["approver", "admin", "owner"], names: [] };

export interface AskTerms {
  readonly approvers?: Who | undefined;
  readonly quorum: number;
  readonly expiry: readonly ExpiryStep[];
}

const whoAre = ({ roles, names, groups = [] }: Who): string[] => [
  ...roles.map((role) => `anyone with the role ${role}`),
  ...names,
  ...groups.map((group) => `@${group}`),
];

/** Of terms on which people are asked. `what` is asked about: "github.issues.write of dispatcher". */
export function termsSaid(what: string, before: AskTerms, after: AskTerms): Said[] {
  return [...approversSaid(what, before.approvers, after.approvers), ...quorumSaid(what, before.quorum, after.quorum), ...expirySaid(what, before, after)];
}

export function approversSaid(what: string, before: Who = USUAL, after: Who = USUAL): Said[] {
  const { gained, lost } = moved(whoAre(before), whoAre(after));
  return [
    ...(gained.length > 0 ? [wider(`${named(gained)} may now approve ${what}`)] : []),
    ...(lost.length > 0 ? [narrower(`${named(lost)} may no longer approve ${what}`)] : []),
  ];
}

const quorumSaid = (what: string, before: number, after: number): Said[] =>
  before === after ? [] : [[after < before ? "wider" : "narrower", `${what} needs ${after} ${after === 1 ? "approval" : "approvals"}, was ${before}`]];

function expirySaid(what: string, { expiry: before }: AskTerms, { expiry: after }: AskTerms): Said[] {
  const to = (steps: readonly ExpiryStep[]) => steps.flatMap((step) => (step.do === "escalate" ? whoAre(step.to) : []));
  const { gained } = moved(to(before), to(after));
  if (gained.length > 0) return [wider(`${named(gained)} may approve ${what} once nobody answered`)];
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [["same", `${what} is reminded of, escalated or given up at other times`]];
}
