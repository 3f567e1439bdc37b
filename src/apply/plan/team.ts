import { isDeepStrictEqual } from "node:util";
import type { Member } from "#src/workspace/model.ts";
import { compareMembers, elsewhere, listOf, type MemberRules, moved, named, narrower, neutral, type Said, wider } from "./change.ts";

/** What each role may do, in a few words. */
const MAY: Readonly<Record<string, string>> = {
  owner: "may do everything",
  admin: "may do everything",
  approver: "may approve",
  operator: "may open and move tickets",
  viewer: "may read",
  agent: "may do what its token names",
  worker: "may do what its token names",
};

const rolesWords = (roles: readonly string[]): string => named(roles.map((role) => `${role} (${MAY[role] ?? "a role"})`));

/** What is said of one person. */
export function memberSaid(before: Member | undefined, after: Member | undefined): Said[] {
  if (!after) return [narrower("is no longer in the team, and may do nothing")];
  if (!before) return [wider(`joins the team as ${rolesWords(after.roles)}`)];
  return compareMembers(RULES, before, after);
}

function rolesSaid(before: Member["roles"], after: Member["roles"]): Said[] {
  const { gained, lost } = moved(before, after);
  return [...(gained.length > 0 ? [wider(`is now ${rolesWords(gained)}`)] : []), ...(lost.length > 0 ? [narrower(`is no longer ${named(lost)}`)] : [])];
}

const identityWords = (identities: Member["identities"]): string[] => identities.map(({ surface, id }) => `${surface} ${id}`);

const RULES: MemberRules<Member> = {
  id: elsewhere,
  source: elsewhere,
  name: neutral("name"),
  languages: neutral("list of languages"),
  groups: listOf("now belongs to the team", "no longer belongs to the team"),
  team: (from, to) => [["same", `stands in the file of the team ${to}, was in that of ${from}`]],
  roles: rolesSaid,
  looksAfter: neutral("share of what the team looks after"),
  contact: neutral("address for messages"),
  identities: (before, after) =>
    isDeepStrictEqual(before, after) ? [] : listOf("is also whoever writes as", "is no longer whoever writes as")(identityWords(before), identityWords(after)),
};
