import { stringify } from "yaml";
import { z } from "zod";
import type { ActFacts } from "#src/acts/act.ts";
import { type Answerer, type Ask, mayAnswer } from "#src/asks/ask.ts";
import { requireAsk } from "#src/asks/store/read.ts";
import { readState } from "#src/runs/store/state.ts";
import { digestOf } from "#src/kernel/canonical-json.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { newId } from "#src/kernel/ids.ts";
import { API_VERSION, duration } from "#src/workspace/manifest/common.ts";
import { revisionFiles } from "#src/workspace/revisions.ts";
import type { LearningDeps } from "./learn.ts";
import { putBeforePeople, soundWith } from "./open-proposal.ts";
import type { Proposal, ProposedFile } from "./proposal.ts";
import { keptRules, oneLine, SORTABLE_DIGITS, stamp } from "./rule-file.ts";

const LONGEST_MS = 366 * 86_400_000;

/** What somebody wants to be spared of: the same kind of act again, for a time. */
export const precedentRequest = z.strictObject({
  for: duration.refine((ms) => ms <= LONGEST_MS, "expected a year at most").describe("how long, such as 30d"),
  reason: z.string().trim().min(1).max(2_000).describe("why it needs nobody, in your own words"),
  /** Facts of the approved act that a later one may differ in. Agent, kind and name always stay. */
  whatever: z.array(z.enum(["labels", "cost", "path", "risk"])).default([]),
});

export type PrecedentRequest = z.infer<typeof precedentRequest>;

/** Rules whose asks nobody can answer in advance. */
const NOT_LIFTED = new Set(["egress", "tools", "default"]);

/**
 * Proposes, from an act that was approved, that acts like it pass without asking for a time: a rule that lifts the one that asked, with an author and an end.
 * Nothing changes before an owner or admin accepts it. @throws LoopError ask_unknown | ask_not_yours | input_invalid
 */
export async function proposePrecedent(deps: LearningDeps, given: { askId: string; by: Answerer; request: PrecedentRequest }): Promise<Proposal> {
  const { db, clock, workspaces } = deps;
  const { request } = given;
  const ask = await requireAsk(db, given.askId);
  const rule = requireApproved(ask, given.by);
  const state = await readState(db, ask.runId!);
  const { agent } = state.run;
  const act = state.acts.find(({ id }) => id === ask.actId)!;
  const { revision, workspace } = await workspaces.current();
  const nowMs = clock.nowMs();
  const id = newId("pro", nowMs);
  const name = `precedent_${stamp(nowMs)}_${id.slice("pro_".length, "pro_".length + SORTABLE_DIGITS)}`;
  const when = { agent, kind: act.kind, name: act.name, ...narrowed(act.facts, request.whatever) };
  const until = new Date(nowMs + request.for).toISOString();
  const why = `${given.by.handle} allowed this until ${until.slice(0, 10)}: ${oneLine(request.reason)}`;
  const policy = { apiVersion: API_VERSION, kind: "Policy", name, rules: [{ name, when, then: "allow", lifts: [rule], until, why }, ...keptRules(workspace)] };
  const file: ProposedFile = {
    path: `policies/${name.replaceAll("_", "-")}.yaml`,
    text: stringify(policy, { lineWidth: 0, aliasDuplicateObjects: false }),
    base: null,
  };
  soundWith(await revisionFiles(db, revision), file);
  return putBeforePeople(deps, {
    id,
    kind: "precedent",
    title: `${act.kind} ${act.name} by ${agent} without asking until ${until.slice(0, 10)}`,
    reason: `${ask.settledBy ?? "somebody"} approved ${ask.id}, which ${rule} asked for. ${request.reason}`,
    fingerprint: `precedent:${digestOf({ when, rule })}`,
    files: [file],
    sources: { tickets: ask.ticketId ? [ask.ticketId] : [], ask: ask.id, rule, until },
    test: null,
    prompt: null,
    author: given.by.id,
  });
}

function requireApproved(ask: Ask, by: Answerer): string {
  if (!mayAnswer(ask, by))
    throw new LoopError("ask_not_yours", `${by.handle} may not decide ${ask.id}, and so can make no precedent of it.`, { facts: { ask: ask.id } });
  const { rule } = ask;
  if (ask.kind !== "approval" || ask.purpose !== "act" || !ask.runId || !ask.actId || ask.answer !== "approve" || rule === null) {
    throw new LoopError(
      "input_invalid",
      `${ask.id} is no act that was approved (${ask.kind}, ${ask.answer ?? ask.state}). Approve it first; a precedent is made of that.`,
      {
        facts: { ask: ask.id },
      },
    );
  }
  if (!NOT_LIFTED.has(rule) && !/^(sop|skill):/.test(rule)) return rule;
  throw new LoopError("input_invalid", `What ${rule} asks is asked each time: no precedent can lift it.`, { facts: { ask: ask.id, rule } });
}

/** As narrow as the act was, but for what may differ. An unknown cost is in no precedent: it would match none. */
function narrowed({ labels, costUsd, path, risk }: ActFacts, whatever: readonly string[]): object {
  return {
    ...(labels && Object.keys(labels).length > 0 && !whatever.includes("labels") ? { label: labels } : {}),
    ...(typeof costUsd === "number" && !whatever.includes("cost") ? { cost: { upToUsd: costUsd } } : {}),
    ...(path === undefined || whatever.includes("path") ? {} : { path }),
    ...(risk === undefined || whatever.includes("risk") ? {} : { risk }),
  };
}
