import { z } from "zod";
import { fromOpenLoop, OPENLOOP_VERSION, openLoopAgent } from "./manifest/openloop.ts";
import type { AgentManifest } from "./manifest/agent.ts";
import { type Approvers, role } from "./manifest/common.ts";
import type { TeamManifest } from "./manifest/governance.ts";
import { didYouMean } from "./nearest.ts";
import type { Part } from "./parts.ts";
import { type Fault, type Path, pathText, type Problem } from "./problem.ts";
import { shape } from "./shape.ts";
import type { Located } from "./yaml-text.ts";

const theirs = z.looseObject({ apiVersion: z.string().startsWith("openloop.ai/") });

/** Whether a value says of itself that it is a file of OpenLoop, of whatever version. */
export const isOpenLoop = (value: unknown): boolean => theirs.safeParse(value).success;

/** Reads such a file as an agent of ours. Faults are told at the places of the file as it is. */
export function readOpenLoop(file: string, document: Located): { kind: "ok"; part: Part<unknown> & Waiting } | { kind: "faults"; faults: readonly Fault[] } {
  const { apiVersion } = document.value as { readonly apiVersion: string };
  if (apiVersion !== OPENLOOP_VERSION) {
    const at = document.locate(["apiVersion"]);
    return {
      kind: "faults",
      faults: [
        {
          ...at,
          path: "apiVersion",
          seen: JSON.stringify(apiVersion),
          expected: `${OPENLOOP_VERSION}, the version of OpenLoop that is read here, or loopwright.dev/v1`,
        },
      ],
    };
  }
  const shaped = shape(openLoopAgent, document);
  if (shaped.kind === "faults") return shaped;
  const agent = fromOpenLoop(shaped.data);
  const { approvers, require_for: requires } = shaped.data.spec.approvals;
  const waiting = requires.length === 0 ? [] : approvers.map((name, index) => approverAt(name, ["spec", "approvals", "approvers", index], document));
  const locate: Located["locate"] = ([first], part) =>
    document.locate(first === "name" ? ["metadata", "name"] : first === "approvals" ? ["spec", "approvals"] : ["spec"], part);
  return { kind: "ok", part: { file, data: agent, body: "", locate, waiting } };
}

const approverAt = (name: string, path: Path, document: Located): Approver => ({ name, path: pathText(path), ...document.locate(path) });

/** Who approves, as the file has it: a person, an identity of one, a role, or `@team`. */
interface Approver {
  readonly name: string;
  readonly path: string;
  readonly line: number;
  readonly column: number;
}
interface Waiting {
  readonly waiting: readonly Approver[];
}

type AgentPart = Part<AgentManifest> & Partial<Waiting>;

/** Puts people and roles in the place of what files of OpenLoop call approvers; what is neither is a problem. */
export function resolveApprovers(agents: readonly AgentPart[], teams: readonly Part<TeamManifest>[]): { agents: AgentPart[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const resolved = agents.map((part) => {
    const { waiting = [], data } = part;
    if (waiting.length === 0 || data.approvals === undefined) return part;
    const who = waiting.map((approver) => {
      const found = whoIs(approver.name, teams);
      if (found === undefined) problems.push(unknownApprover(part.file, approver, teams));
      return found ?? { roles: [], names: [] };
    });
    const groups = [...new Set(who.flatMap((one) => one.groups ?? []))];
    const approvers = {
      roles: [...new Set(who.flatMap(({ roles }) => roles))],
      names: [...new Set(who.flatMap(({ names }) => names))],
      ...(groups.length > 0 ? { groups } : {}),
    };
    return { ...part, data: { ...data, approvals: { ...data.approvals, approvers } } };
  });
  return { agents: resolved, problems };
}

function whoIs(name: string, teams: readonly Part<TeamManifest>[]): Approvers | undefined {
  if (name.startsWith("@")) {
    const team = teams.find(({ data }) => data.name === name.slice(1) && data.members.length > 0)?.data.name;
    if (team !== undefined) return { roles: [], names: [], groups: [team] };
    return personOf(name.slice(1), teams); // @priya is a person, as where they talk
  }
  const asRole = role.safeParse(name);
  if (asRole.success) return { roles: [asRole.data], names: [] };
  return personOf(name, teams);
}

function personOf(name: string, teams: readonly Part<TeamManifest>[]): Approvers | undefined {
  const members = teams.flatMap(({ data }) => data.members);
  const person = members.find(({ id }) => id === name) ?? members.find(({ identities }) => identities.some(({ id }) => id === name));
  return person && { roles: [], names: [person.id] };
}

function unknownApprover(file: string, { name, ...at }: Approver, teams: readonly Part<TeamManifest>[]): Problem {
  const known = [...teams.map(({ data }) => `@${data.name}`), ...teams.flatMap(({ data }) => data.members.map(({ id }) => id))];
  const expected = known.length === 0 ? "a person or @team of teams/; there is none yet" : `one of ${known.slice(0, SHOWN_NAMES).join(", ")}, or a role`;
  return { file, ...at, seen: `the approver ${name}, who is nobody in teams/`, expected, ...didYouMean(name, known) };
}

const SHOWN_NAMES = 12;
