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
  const sop = workspace.sops.find((known) => known.category === category);
  const skill = workspace.skills.find((known) => known.metadata?.category === category && fits(known, ticket));
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

/** A skill is for tickets with all of its labels and, where it names phrases, one of them in the text. */
function fits(skill: Skill, ticket: Ticket): boolean {
  const { labels = {}, phrases = [] } = skill.metadata?.triggers ?? {};
  if (Object.entries(labels).some(([key, value]) => ticket.labels[key] !== value)) return false;
  return phrases.length === 0 || phraseFinder(ticket.body)(phrases).length > 0;
}

/** All categories that the workspace knows, sorted. */
export function categoriesOf(workspace: Workspace): string[] {
  return [...new Set([...workspace.sops.map((sop) => sop.category), ...workspace.history.map((known) => known.category)])].toSorted();
}
