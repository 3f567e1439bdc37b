import { phraseFinder } from "#src/brain/words.ts";
import type { Ticket } from "#src/tickets/ticket.ts";
import type { Entity, HistoryCase, Member, Skill, Sop, Workspace } from "#src/workspace/model.ts";

/** Whom work can be dispatched to: the entities of this kind. */
const VENDOR = "vendor";

/** What the workspace says about one ticket of one category. */
export interface Knowledge {
  readonly sop: Sop | undefined;
  readonly skill: Skill | undefined;
  /** What the ticket is about, where it says so. */
  readonly subject: Entity | undefined;
  /** Closed cases of the same category and subject, newest first. */
  readonly cases: readonly HistoryCase[];
  /** Known vendors, most preferred first: by skill, by what the ticket is about, by SOP, by the last case. */
  readonly vendors: readonly Entity[];
  /** People who look after the subject, in the order of the team. */
  readonly carers: readonly Member[];
}

export function knowledgeFor(workspace: Workspace, ticket: Ticket, category: string): Knowledge {
  const { subject: subjectKey } = workspace.manifest;
  const subjectId = ticket.labels[subjectKey];
  const subject = (workspace.entities.get(subjectKey) ?? []).find((entity) => entity.id === subjectId);
  const sop = sopFor(workspace, ticket, category);
  const skill = skillFor(workspace, ticket, category);
  const cases = workspace.history
    .filter((known) => known.category === category && known.labels[subjectKey] === subjectId)
    .toSorted((a, b) => Date.parse(b.resolvedAt) - Date.parse(a.resolvedAt));
  const preferred = [
    ...(skill?.metadata?.preferredVendors ?? []),
    ...(subject?.preferredVendors[category] ?? []),
    ...(sop?.preferredVendors ?? []),
    ...cases.flatMap((known) => (known.vendor === undefined ? [] : [known.vendor])),
  ];
  const vendors = workspace.entities.get(VENDOR) ?? [];
  return {
    sop,
    skill,
    subject,
    cases,
    vendors: [...new Set(preferred)].flatMap((id) => vendors.filter((vendor) => vendor.id === id)),
    carers: workspace.team.filter((member) => subjectId !== undefined && (member.looksAfter[subjectKey] ?? []).includes(subjectId)),
  };
}

type Labels = Readonly<Record<string, string>>;

const hasAll = (ticket: Ticket, labels: Labels): boolean => Object.entries(labels).every(([key, value]) => ticket.labels[key] === value);

/** The one with the most labels first, of equals the one named first: what was written for this very place goes before what is for all. */
const nearestFirst = <T>(all: readonly T[], labelsOf: (one: T) => Labels): T[] =>
  all.toSorted((a, b) => Object.keys(labelsOf(b)).length - Object.keys(labelsOf(a)).length);

/**
 * The SOP of a category: the one whose labels fit best. Where all of them are for other places one of those is taken still: thresholds that were meant for a
 * neighbour are better than none.
 */
export function sopFor(workspace: Workspace, ticket: Ticket, category: string): Sop | undefined {
  const ofCategory = workspace.sops.filter((known) => known.category === category);
  const fitting = ofCategory.filter((known) => hasAll(ticket, known.labels));
  return nearestFirst(fitting, (known) => known.labels)[0] ?? ofCategory[0];
}

/** A skill is for tickets with all of its labels and, where it names phrases, one of them in the text. Of several the one whose labels say most. */
function skillFor(workspace: Workspace, ticket: Ticket, category: string): Skill | undefined {
  const find = phraseFinder(ticket.body);
  const fitting = workspace.skills.filter(({ metadata }) => {
    if (metadata?.category !== category || !hasAll(ticket, metadata.triggers.labels)) return false;
    return metadata.triggers.phrases.length === 0 || find(metadata.triggers.phrases).length > 0;
  });
  return nearestFirst(fitting, (known) => known.metadata!.triggers.labels)[0];
}

/** All categories that the workspace knows, sorted. */
export function categoriesOf(workspace: Workspace): string[] {
  return [...new Set([...workspace.sops.map((sop) => sop.category), ...workspace.history.map((known) => known.category)])].toSorted();
}
