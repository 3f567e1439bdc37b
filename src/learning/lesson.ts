import { labelTag, WORKSPACE_SCOPE } from "#src/brain/item.ts";
import type { NewLesson } from "#src/brain/lessons.ts";
import { phraseHits } from "#src/brain/words.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { ResolvedCase } from "./case.ts";

/** Made of the run's id, so that a run teaches once. */
const lessonId = (runId: string): NewLesson["id"] => `lsn_${runId.slice("run_".length)}`;

/**
 * What a resolved ticket teaches, in sentences made of facts. Of the reporter's words only those are in it that the SOP of the category names itself: a
 * lesson is recalled for other people's tickets.
 */
export function lessonOf(resolved: ResolvedCase, workspace: Workspace): NewLesson {
  const { ticket, state, category, subject, vendor, costUsd, etaMinutes, acts, checked, severity, receipt } = resolved;
  const names = namesIn(workspace, resolved);
  const subjectKey = workspace.manifest.subject;
  return {
    id: lessonId(state.run.id),
    source: ticket.id,
    title: `#${ticket.number}: ${names.what}${names.subject ? `, ${names.subject}` : ""}`,
    body: [
      `${names.what} (${category})${subject === null ? "" : `, ${labelTag(subjectKey, subject)}`}, severity ${severity}.`,
      sentTo(resolved, names.vendor),
      `Done in this order: ${acts.join(", ") || "nothing outside"}.`,
      VERDICT[checked] ?? `Its end was ${checked}.`,
      ...(names.words.length > 0 ? [`Words that named it: ${names.words.join(", ")}.`] : []),
    ].join("\n"),
    data: { ticket: ticket.id, run: state.run.id, receipt, category, vendor, costUsd, etaMinutes, severity, acts, checked },
    labels: subject === null ? {} : { [subjectKey]: subject },
    categories: [category],
    scope: WORKSPACE_SCOPE,
    trust: "learned",
    author: `agent:${state.run.agent}`,
    language: "en",
    happenedAtMs: ticket.resolvedAtMs,
    expiresAtMs: null,
  };
}

const VERDICT: Readonly<Record<string, string>> = {
  passed: "The system checked that it was done.",
  unchecked: "A person said that it was done; nothing was checked.",
};

function sentTo({ approved, costUsd, etaMinutes }: ResolvedCase, vendor: string): string {
  if (approved === null) return "What was drafted was not what resolved it.";
  const cost = costUsd === null ? "at a cost that nobody knew" : `for about $${costUsd}`;
  const time = etaMinutes === null ? "" : `, expected within ${etaMinutes} minutes`;
  return `Sent to ${vendor} ${cost}${time}; ${approved.wasAsked ? "a person approved it" : "policy allowed it"}.`;
}

/** How a person knows the things that a case has ids for. */
export function namesIn(workspace: Workspace, { category, subject, vendor, ticket }: Pick<ResolvedCase, "category" | "subject" | "vendor" | "ticket">) {
  const sop = workspace.sops.find((known) => known.category === category);
  const entity = (kind: string, id: string | null) => (workspace.entities.get(kind) ?? []).find((known) => known.id === id)?.name ?? id;
  return {
    what: sop?.title ?? category,
    subject: entity(workspace.manifest.subject, subject),
    vendor: vendor === null ? "one of our own people" : `${entity("vendor", vendor)} (${vendor})`,
    words: sop ? phraseHits(ticket.body, sop.triggers) : [],
  };
}
