import { TRUSTS, type Trust } from "#src/policy/trust.ts";
import { recalledBy } from "./memory/recalled.ts";
import type { RunState } from "./run.ts";

/** What a run has read so far: where its texts came from, and whether some of it must not leave. The union over ticket, transcript and results of acts; a memory brings what its run had read. */
export function readSoFar({ run, ticket, messages, acts }: Pick<RunState, "run" | "ticket" | "messages" | "acts">): { taint: Trust[]; sawPrivate: boolean } {
  const results = acts.filter((act) => act.state === "done");
  const recalled = results.flatMap(recalledBy);
  const seen = new Set<Trust>([...(ticket ? [ticket.trust] : []), ...messages.map((message) => message.trust), ...recalled.flatMap(({ taint }) => taint)]);
  if (results.some((act) => act.facts.untrusted)) seen.add("tool");
  const isPrivate = Boolean(run.brief.sawPrivate) || results.some((act) => act.facts.private) || recalled.some((memory) => memory.sawPrivate);
  return { taint: TRUSTS.filter((trust) => seen.has(trust)), sawPrivate: isPrivate };
}
