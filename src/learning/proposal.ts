import type { Json } from "#src/kernel/canonical-json.ts";
import type { Id } from "#src/kernel/ids.ts";
import type { SkillTest } from "./skill-test.ts";

export type ProposalId = Id<"pro">;
/** A precedent makes a gate milder for a time, a sensor is a program that runs again and again; the others give nobody more power. */
export type ProposalKind = "skill" | "rule" | "sop" | "precedent" | "sensor";

/*
 * How a proposal moves: one way out of `open`, taken once, by one guarded statement.
 *
 *   open ──▶ accepted      a person took it; its files are in the revision of the same commit
 *     ├────▶ rejected      a person did not want it; the same comes again only from two further tickets
 *     └────▶ superseded    another skill that was accepted covers it
 */
export type ProposalState = "open" | "accepted" | "rejected" | "superseded";

/** A whole file. `base`: SHA-256 of the file that it replaces, null where there was none; with another one in force the proposal is stale. */
export interface ProposedFile {
  readonly path: string;
  readonly text: string;
  readonly base: string | null;
}

/** What it was made from. `tickets` are ids. A skill also names its runs, and what its tickets have in common. */
export interface ProposalSources {
  readonly tickets: readonly string[];
  readonly runs?: readonly string[];
  /** The name of the skill. */
  readonly skill?: string;
  readonly category?: string;
  readonly vendor?: string | null;
  readonly labels?: Readonly<Record<string, string>>;
  readonly acts?: readonly string[];
  readonly [more: string]: Json | undefined;
}

/** A change to workspace files that waits for a person. */
export interface Proposal {
  readonly id: ProposalId;
  readonly kind: ProposalKind;
  readonly state: ProposalState;
  readonly title: string;
  /** What led to it, in sentences. */
  readonly reason: string;
  readonly files: readonly ProposedFile[];
  readonly sources: ProposalSources;
  /** Of a skill: the last replay of its tickets, with it and without it. */
  readonly test: SkillTest | null;
  /** The same change in words, for a coding agent that opens a pull request. */
  readonly prompt: string | null;
  /** `agent:<name>`, a principal id or `system`. */
  readonly author: string;
  readonly createdAtMs: number;
  /** The handle of the person. */
  readonly decidedBy: string | null;
  readonly decidedAtMs: number | null;
  readonly decisionReason: string | null;
  /** The revision of the workspace that accepting it made. */
  readonly revision: number | null;
}

export interface NewProposal extends Pick<Proposal, "id" | "kind" | "title" | "reason" | "files" | "sources" | "test" | "prompt" | "author"> {
  /** The same for the same change: one of them is open at a time. */
  readonly fingerprint: string;
}
