import type { Act } from "#src/acts/act.ts";
import { isUntrusted, TRUSTS, type Trust } from "#src/policy/trust.ts";
import { recalledBy } from "./memory/recalled.ts";
import type { RunState } from "./run.ts";
import { BRAIN_SEARCH } from "./tools/brain-search.ts";

/** What a run has read: where its texts came from, and whether some of it must not leave. */
export interface ReadSoFar {
  readonly taint: Trust[];
  readonly sawPrivate: boolean;
}

/**
 * The union over ticket, transcript, results of acts and what was read before it began; a memory brings what its run had read, a hit of the brain its own trust.
 * What a tool said of its failure is shown like a result, so it counts like one.
 */
export function readSoFar({ run, ticket, messages, acts }: Pick<RunState, "run" | "ticket" | "messages" | "acts">): ReadSoFar {
  const results = acts.filter(({ state, attempts }) => state === "done" || (state === "failed" && attempts > 0));
  const recalled = results.flatMap(recalledBy);
  const seen = new Set<Trust>([
    ...(run.brief.taint ?? []),
    ...(ticket ? [ticket.trust] : []),
    ...messages.map((message) => message.trust),
    ...recalled.flatMap(({ taint }) => taint),
    ...results.flatMap(untrustedFoundBy),
  ]);
  if (results.some((act) => act.facts.untrusted)) seen.add("tool");
  const isPrivate = Boolean(run.brief.sawPrivate) || results.some((act) => act.facts.private) || recalled.some((memory) => memory.sawPrivate);
  return { taint: TRUSTS.filter((trust) => seen.has(trust)), sawPrivate: isPrivate };
}

/** Where what a search of the brain found came from, as far as strangers may have had a word in it. */
function untrustedFoundBy({ name, state, result }: Act): Trust[] {
  if (name !== BRAIN_SEARCH || state !== "done") return [];
  const { hits = [] } = result as { readonly hits?: readonly { readonly trust: Trust }[] };
  return hits.map(({ trust }) => trust).filter((trust) => isUntrusted([trust]));
}
