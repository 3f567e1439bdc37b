import { stringify } from "yaml";
import { BUILT_IN } from "#src/policy/built-in.ts";
import { API_VERSION } from "#src/workspace/manifest/common.ts";
import type { Workspace } from "#src/workspace/model.ts";
import type { ProposalId, ProposedFile } from "./proposal.ts";
import type { RuleWanted } from "./propose-rule.ts";

/** A policy file with one rule, in the time order of its proposal. */
export function ruleFile(
  wanted: RuleWanted,
  { id, nowMs, workspace }: { id: ProposalId; nowMs: number; workspace: Workspace },
): { name: string; file: ProposedFile } {
  const name = `rule_proposed_${stamp(nowMs)}_${id.slice("pro_".length, "pro_".length + SORTABLE_DIGITS)}`;
  const policy = { apiVersion: API_VERSION, kind: "Policy", name, rules: [ruleOf(name, wanted), ...keptRules(workspace)] };
  const lines = [`# ${oneLine(wanted.title)}`, `# ${oneLine(wanted.reason)}`, stringify(policy, { lineWidth: 0, aliasDuplicateObjects: false })];
  return { name, file: { path: `policies/${name.replace("rule_proposed_", "proposed-")}.yaml`, text: lines.join("\n"), base: null } };
}

/** Of the id: time in milliseconds, version and counter. */
export const SORTABLE_DIGITS = 16;

/** `20260131_090000`, in UTC. */
export const stamp = (nowMs: number): string => new Date(nowMs).toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "_");

function ruleOf(name: string, { category, severityAtLeast, then, title, approvers, escalateTo, escalateAfterMinutes }: RuleWanted): object {
  return {
    name,
    when: { kind: "message", name: "dispatch", label: { category }, severity: { atLeast: severityAtLeast } },
    then,
    why: title,
    ...(approvers && then === "ask" ? { approvers: who(approvers) } : {}),
    ...(escalateTo && then === "ask" ? { expiry: [{ after: `${escalateAfterMinutes}m`, do: "escalate", to: who(escalateTo) }] } : {}),
  };
}

const who = ({ roles, names }: { roles: readonly string[]; names: readonly string[] }): object => ({
  ...(roles.length > 0 ? { roles } : {}),
  ...(names.length > 0 ? { names } : {}),
});

/** The first policy file of a workspace ends the rules that hold where there is none, so they are written out beside the new one. */
export const keptRules = ({ policies }: Workspace): readonly object[] =>
  policies.length > 0 ? [] : BUILT_IN.rules.map(({ quorum: _usual, expiry: _none, ...rule }) => rule);

export const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();
