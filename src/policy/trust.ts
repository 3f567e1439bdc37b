import type { AskId } from "#src/kernel/ids.ts";
import { type AskTerms, type Decision, USUAL_TERMS } from "./decision.ts";

/** Where a text came from. `learned`: distilled from finished work, and so from whatever that work had read. */
export const TRUSTS = ["owner", "member", "outside", "tool", "agent", "learned"] as const;
export type Trust = (typeof TRUSTS)[number];

/**
 * Texts that a stranger may have worded. `agent` is not among them: what an agent writes is as trustworthy as what it read, and that is in the
 * union itself; an item handed over by another agent must bring the taint of its run along.
 */
const UNTRUSTED: ReadonlySet<Trust> = new Set(["outside", "tool", "learned"]);

export const isUntrusted = (taint: readonly Trust[]): boolean => taint.some((trust) => UNTRUSTED.has(trust));

/** The one of these that is trusted least: where a text came from that was made of all of them. */
export function worstOf(taint: readonly Trust[]): Trust {
  return (["outside", "tool", "learned"] as const).find((trust) => taint.includes(trust)) ?? "agent";
}

/** The union of where these items came from, each once, in the order of `TRUSTS`. */
export function taintOf(items: Iterable<{ readonly trust: Trust }>): Trust[] {
  const seen = new Set<Trust>();
  for (const { trust } of items) seen.add(trust);
  return TRUSTS.filter((trust) => seen.has(trust));
}

declare const clearance: unique symbol;

/** Proof that something may go out: only this file makes it. What sends takes it as a parameter, so a path without the question does not compile. */
export interface Cleared {
  readonly [clearance]: true;
  /** The ask that a person approved, or `harmless`: one of the three dangers was missing. */
  readonly by: AskId | "harmless";
}

export interface Egress {
  /** The union over everything the run has read. */
  readonly taint: readonly Trust[];
  /** The run has read something that must not leave: an item marked private, a file or tool with other people's data. */
  readonly sawPrivate: boolean;
  /** This act sends or changes something outside, somewhere that text in the run could have chosen. */
  readonly outbound: boolean;
}

export type EgressAnswer =
  | { readonly kind: "cleared"; readonly cleared: Cleared }
  | { readonly kind: "ask"; readonly decision: Decision & AskTerms & { readonly outcome: "ask" } };

const EGRESS_RULE = "egress";

/**
 * Untrusted text, private data and a way out: any two may meet, all three pass a person, whatever policy allows.
 * (https://simonwillison.net/2025/Jun/16/the-lethal-trifecta/) Join the ask with what policy said by `stricter`.
 */
export function egressNeedsPerson({ taint, sawPrivate, outbound }: Egress): EgressAnswer {
  if (!(outbound && sawPrivate && isUntrusted(taint))) return { kind: "cleared", cleared: clear("harmless") };
  const from = taint.filter((trust) => UNTRUSTED.has(trust)).join(", ");
  const why = `the run has read untrusted text (${from}) and private data, and this goes outside`;
  return { kind: "ask", decision: { outcome: "ask", rule: EGRESS_RULE, why, matched: [EGRESS_RULE], ...USUAL_TERMS } };
}

/** The same proof from a person's approval of exactly this act. The caller has checked that the ask was answered so and is bound to the act. */
export const clearedByPerson = (ask: { readonly id: AskId; readonly answer: "approve" }): Cleared => clear(ask.id);

const clear = (by: Cleared["by"]): Cleared => ({ by }) as Cleared;
