import { TRUSTS, type Trust } from "#src/policy/trust.ts";
import type { RunState } from "./run.ts";

/** What a run has read so far: where its texts came from, and whether some of it must not leave. The union over ticket, transcript and results of acts. */
export function readSoFar({ run, ticket, messages, acts }: Pick<RunState, "run" | "ticket" | "messages" | "acts">): { taint: Trust[]; sawPrivate: boolean } {
  const results = acts.filter((act) => act.state === "done");
  const seen = new Set<Trust>([...(ticket ? [ticket.trust] : []), ...messages.map((message) => message.trust)]);
  if (results.some((act) => act.facts.untrusted)) seen.add("tool");
  return { taint: TRUSTS.filter((trust) => seen.has(trust)), sawPrivate: Boolean(run.brief.sawPrivate) || results.some((act) => act.facts.private) };
}
