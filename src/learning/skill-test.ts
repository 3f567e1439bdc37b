import { compareStrictness } from "#src/policy/decision.ts";
import { knowledgeFor } from "#src/runs/desk/knowledge.ts";
import type { FileSet } from "#src/workspace/files.ts";
import { parseWorkspace } from "#src/workspace/load.ts";
import type { Workspace } from "#src/workspace/model.ts";
import { problemsText } from "#src/workspace/problem.ts";
import { type DispatchFacts, factsOf, type ResolvedCase } from "./case.ts";
import { mergeFiles, withoutProposed } from "./merge.ts";
import type { ProposedFile } from "./proposal.ts";
import { replay, type Replayed } from "./replay.ts";

/** The replay of a skill's tickets, with the skill and without it. Plain JSON. */
export interface SkillTest {
  readonly passed: boolean;
  /** For the person who decides. */
  readonly why: string;
  /** The revision of the workspace that it was replayed in. */
  readonly revision: number;
  /** ISO 8601 in UTC. */
  readonly at: string;
  readonly tickets: readonly TicketReplay[];
}

export interface TicketReplay {
  readonly ticket: string;
  readonly number: number;
  readonly approved: DispatchFacts;
  readonly on: OneReplay;
  readonly off: OneReplay;
  /** Where the skill would make a gate milder; empty: nowhere. */
  readonly lowered: readonly string[];
}

export interface OneReplay {
  /** Null: no dispatch; `differs` says why. */
  readonly draft: DispatchFacts | null;
  /** What policy and demands say of it, such as `ask by skill:handle-leak`. */
  readonly gate: string | null;
  /** In what it is not the approved draft; empty: it is reproduced. */
  readonly differs: readonly string[];
}

export interface SkillUnderTest {
  readonly name: string;
  readonly files: readonly ProposedFile[];
  readonly cases: readonly ResolvedCase[];
}

interface Place {
  /** What is in force, with or without the proposed files. */
  readonly files: FileSet;
  readonly revision: number;
  readonly nowMs: number;
}

/**
 * Passes only if with the skill every ticket is drafted as it was approved, without it at least one is not, and at no severity a gate becomes milder. An
 * estimate is reproduced when it lies between the lowest and the highest that was approved: a skill has one estimate for all of its tickets. Pure.
 */
export function testSkill({ name, files: proposed, cases }: SkillUnderTest, { files, revision, nowMs }: Place): SkillTest {
  const without = withoutProposed(files, proposed);
  const off = parseWorkspace(without);
  const on = parseWorkspace(mergeFiles(without, proposed));
  const facts = { revision, at: new Date(nowMs).toISOString() };
  if (off.kind === "problems" || on.kind === "problems") {
    const { problems } = on.kind === "problems" ? on : (off as Extract<typeof off, { kind: "problems" }>);
    return { ...facts, passed: false, why: `The workspace is not sound with it. ${problemsText(problems)}`, tickets: [] };
  }
  const tickets = cases.map((known) => replayBoth(known, { on: on.workspace, off: off.workspace, range: costRange(cases) }));
  const unused = cases.filter((known) => knowledgeFor(on.workspace, known.ticket, known.category).skill?.name !== name);
  const trouble = troubleOf(tickets, unused);
  return { ...facts, passed: trouble === undefined, why: trouble ?? reasonToPass(tickets), tickets };
}

function troubleOf(tickets: readonly TicketReplay[], unused: readonly ResolvedCase[]): string | undefined {
  const all = (lines: readonly string[]): string => lines.join("; ");
  if (unused.length > 0) return `Another skill of the category comes first for ${unused.map(({ ticket }) => `#${ticket.number}`).join(" and ")}.`;
  const lowered = tickets.flatMap(({ number, lowered: places }) => places.map((place) => `#${number} ${place}`));
  if (lowered.length > 0) return `It would make a gate milder: ${all(lowered)}.`;
  const missed = tickets.flatMap(({ number, on }) => on.differs.map((difference) => `#${number} ${difference}`));
  if (missed.length > 0) return `With it the approved draft is not reproduced: ${all(missed)}.`;
  if (tickets.every(({ off }) => off.differs.length === 0))
    return "Without it the approved drafts are reproduced as well: what the workspace says already suffices.";
  return undefined;
}

function reasonToPass(tickets: readonly TicketReplay[]): string {
  const gained = tickets.filter(({ off }) => off.differs.length > 0).map(({ number, off }) => `#${number} ${off.differs.join(", ")}`);
  return `With it every draft is as approved. Without it: ${gained.join("; ")}.`;
}

type Range = { readonly lowest: number; readonly highest: number } | null;

/** Null where one of the costs is unknown. */
function costRange(cases: readonly ResolvedCase[]): Range {
  const costs = cases.map((known) => known.approved?.costUsd ?? null);
  return costs.every((cost) => cost !== null) ? { lowest: Math.min(...costs), highest: Math.max(...costs) } : null;
}

interface Both {
  readonly on: Workspace;
  readonly off: Workspace;
  readonly range: Range;
}

function replayBoth(known: ResolvedCase, { on, off, range }: Both): TicketReplay {
  const { approved, ticket } = known;
  if (approved === null) throw new Error(`#${ticket.number} is no evidence for a skill`);
  const { act, to, vendor, costUsd, demands } = approved;
  const compared = (replayed: Replayed): OneReplay => oneReplay(replayed, approved, range);
  const [withSkill, without] = [replay(known, on), replay(known, off)];
  return {
    ticket: ticket.id,
    number: ticket.number,
    approved: { act, to, vendor, costUsd, demands },
    on: compared(withSkill),
    off: compared(without),
    lowered: loweredIn(known, { on, off }),
  };
}

function oneReplay(replayed: Replayed, approved: DispatchFacts, range: Range): OneReplay {
  if (replayed.kind === "none") return { draft: null, gate: null, differs: [`nobody is sent: ${replayed.why}`] };
  const draft = factsOf(replayed.act);
  const missing = approved.demands.filter((source) => !draft.demands.includes(source));
  const isCost =
    range === null ? draft.costUsd === approved.costUsd : draft.costUsd !== null && draft.costUsd >= range.lowest && draft.costUsd <= range.highest;
  const differs = [
    ...differing("the act", draft.act, approved.act),
    ...differing("the vendor", draft.vendor, approved.vendor),
    ...(draft.vendor === approved.vendor && draft.to !== approved.to ? ["it goes to another address"] : []),
    ...(isCost ? [] : [`the estimate is ${usd(draft.costUsd)} instead of ${usd(approved.costUsd)}`]),
    ...(missing.length > 0 ? [`nothing is demanded by ${missing.join(", ")}`] : []),
  ];
  return { draft, gate: `${replayed.decision.outcome} by ${replayed.decision.rule}`, differs };
}

const differing = (what: string, seen: string | null, expected: string | null): string[] =>
  seen === expected ? [] : [`${what} is ${seen ?? "nobody"} instead of ${expected ?? "nobody"}`];

const usd = (cost: number | null): string => (cost === null ? "unknown" : `$${cost}`);

export const SEVERITIES = [1, 2, 3, 4, 5] as const;

/** At the severity of the ticket and at every other: who was asked, or would be asked without the skill, must be asked with it. */
function loweredIn(known: ResolvedCase, { on, off }: Pick<Both, "on" | "off">): string[] {
  const itself = replay(known, on);
  const skipped =
    known.approved?.wasAsked === true && itself.kind === "dispatch" && itself.decision.outcome === "allow"
      ? ["was approved by a person and would go out without one"]
      : [];
  const milder = SEVERITIES.flatMap((severity) => {
    const [withSkill, without] = [replay(known, on, severity), replay(known, off, severity)];
    if (withSkill.kind === "none" || without.kind === "none") return [];
    if (compareStrictness(withSkill.decision, without.decision) <= 0) return [];
    return [
      `at severity ${withSkill.act.facts.severity}: ${withSkill.decision.outcome} by ${withSkill.decision.rule} instead of ${without.decision.outcome} by ${without.decision.rule}`,
    ];
  });
  return [...skipped, ...new Set(milder)]; // the SOP may lift a severity, so several come to one
}
