import { phraseFinder } from "#src/brain/words.ts";
import type { Json } from "#src/kernel/canonical-json.ts";
import type { Ticket } from "#src/tickets/ticket.ts";
import type { Sop, Workspace } from "#src/workspace/model.ts";
import type { RunState } from "../run.ts";
import type { RulesThinker } from "../think/rules-thinker.ts";
import { knowledgeFor, sopFor } from "./knowledge.ts";
import type { Classification, Draft } from "./shapes.ts";

/** The desk without a model. Every word it knows stands in the workspace: trigger phrases, severity and risk rules, cases, preferred vendors. */
export const deskRules: RulesThinker = {
  think(purpose, state, workspace): Json | null {
    if (!state.ticket) return null;
    if (purpose === "classify") return classify(state.ticket, workspace);
    if (purpose === "draft") return draft(state, workspace);
    return null;
  },
};

/** The category whose phrases the message has most of; of equals the one with the longest phrase. Without any: the category without phrases, if there is one. */
function classify(ticket: Ticket, workspace: Workspace): Classification | null {
  const find = phraseFinder(ticket.body);
  const scored = workspace.sops
    .map((sop) => ({ sop, hits: find(sop.triggers) }))
    .filter(({ hits }) => hits.length > 0)
    .toSorted((a, b) => b.hits.length - a.hits.length || longest(b.hits) - longest(a.hits) || (a.sop.id < b.sop.id ? -1 : 1));
  const sop = scored[0]?.sop ?? workspace.sops.find((known) => known.triggers.length === 0);
  return sop ? classificationBy(sopFor(workspace, ticket, sop.category) ?? sop, ticket) : null;
}

/** What an SOP makes of a message that is known to be of its category: its severity, urgency and risks, raised by the words that it watches for. */
export function classificationBy(sop: Sop, ticket: Ticket): Classification {
  return raised(sop, phraseFinder(ticket.body), ticket.language ?? languageOf(ticket.body));
}

const longest = (phrases: readonly string[]): number => Math.max(...phrases.map((phrase) => phrase.length));

function raised(sop: Sop, find: (phrases: readonly string[]) => string[], language: string): Classification {
  const raises = sop.raise.filter((raise) => find(raise.when).length > 0);
  return {
    category: sop.category,
    severity: Math.max(sop.severity, ...raises.map((raise) => raise.severity ?? 0)),
    urgencyMinutes: Math.min(sop.urgencyMinutes, ...raises.map((raise) => raise.urgencyMinutes ?? sop.urgencyMinutes)),
    risks: [...new Set(raises.flatMap((raise) => raise.risk ?? []))],
    language,
  };
}

/** By script alone, which is all that can be told without knowing words; `und` where a script has many languages. */
function languageOf(text: string): string {
  if (/\p{Script=Hiragana}|\p{Script=Katakana}/u.test(text)) return "ja";
  if (/\p{Script=Thai}/u.test(text)) return "th";
  if (/\p{Script=Hangul}/u.test(text)) return "ko";
  return /\p{Script=Han}/u.test(text) ? "zh" : "und";
}

function draft(state: RunState, workspace: Workspace): Draft | null {
  const ticket = state.ticket!;
  const category = ticket.triage?.category;
  if (category === undefined) return null;
  const known = knowledgeFor(workspace, ticket, category);
  const skill = known.skill?.metadata;
  const lastCost = known.cases.find((closed) => closed.costUsd !== null)?.costUsd;
  return {
    vendor: known.vendors[0]?.id ?? null,
    costUsd: lastCost ?? skill?.costEstimateUsd ?? known.sop?.costEstimateUsd ?? null,
    etaMinutes: skill?.etaMinutes ?? known.sop?.etaMinutes ?? null,
    noteForVendor: [ticket.body.trim(), ...(known.subject?.notes ? [known.subject.notes.trim()] : [])].join("\n\n"),
    noteForReporter: null,
  };
}
