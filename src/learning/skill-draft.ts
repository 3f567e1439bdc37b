import { API_VERSION } from "#src/workspace/manifest/common.ts";
import type { CheckDeclaration } from "#src/workspace/manifest/knowledge.ts";
import type { Sop, Workspace } from "#src/workspace/model.ts";
import type { ResolvedCase } from "./case.ts";
import { commonPhrases } from "./phrases.ts";
import type { ProposedFile } from "./proposal.ts";
import { type LearnedApproval, approvalOf } from "./skill-approval.ts";
import { skillMarkdown, skillYaml } from "./skill-text.ts";

export interface SkillDraft {
  readonly name: string;
  readonly files: readonly ProposedFile[];
  readonly metadata: SkillDraftMetadata;
}

/** `skill.yaml` as it is written. */
export interface SkillDraftMetadata {
  readonly apiVersion: string;
  readonly kind: "Skill";
  readonly category: string;
  readonly triggers: { readonly phrases: readonly string[]; readonly labels: Readonly<Record<string, string>> };
  readonly inputs: readonly string[];
  readonly steps: readonly { readonly act: string; readonly note: string }[];
  readonly preferredVendors: readonly string[];
  readonly costCapUsd?: number;
  readonly costEstimateUsd?: number;
  readonly etaMinutes?: number;
  readonly approval?: LearnedApproval;
  readonly check?: object;
  readonly sources: { readonly tickets: readonly string[]; readonly layers: readonly string[]; readonly by: "learning"; readonly at: string };
}

export interface DraftPlace {
  /** What is in force. */
  readonly workspace: Workspace;
  /** Texts of other categories, to know words that are everywhere. */
  readonly others: readonly string[];
  readonly nowMs: number;
}

/** A skill out of cases that went the same way, the oldest first. Every word of it stands in the workspace, in the record, or in all of the messages. Pure. */
export function draftSkill(cases: readonly ResolvedCase[], { workspace, others, nowMs }: DraftPlace): SkillDraft {
  const [first] = cases;
  if (!first) throw new Error("a skill is made of cases");
  const sop = workspace.sops.find((known) => known.category === first.category);
  const labels = commonSubject(cases, workspace);
  const name = freeName(first, { workspace, subject: Object.values(labels)[0] });
  const metadata: SkillDraftMetadata = {
    apiVersion: API_VERSION,
    kind: "Skill",
    category: first.category,
    triggers: { phrases: phrasesOf(cases, { sop, others }), labels },
    inputs: inputsOf(cases),
    steps: stepsOf(cases, { workspace, sop }),
    preferredVendors: first.vendor === null ? [] : [first.vendor],
    ...numbersOf(cases),
    ...withApproval(approvalOf(cases, workspace)),
    ...(sop?.check ? { check: checkAsWritten(sop.check) } : {}),
    sources: { tickets: cases.map(({ ticket }) => ticket.id), layers: layersOf(cases), by: "learning", at: new Date(nowMs).toISOString() },
  };
  const files = [
    { path: `skills/${name}/SKILL.md`, text: skillMarkdown({ name, metadata, cases, workspace }), base: null },
    { path: `skills/${name}/skill.yaml`, text: skillYaml(metadata), base: null },
  ];
  return { name, files, metadata };
}

const withApproval = (approval: LearnedApproval | undefined) => (approval ? { approval } : {});

/** The subject where all tickets are about the same one; else the skill is for every subject. */
function commonSubject([first, ...rest]: readonly ResolvedCase[], workspace: Workspace): Readonly<Record<string, string>> {
  const subject = first?.subject ?? null;
  return subject !== null && rest.every((other) => other.subject === subject) ? { [workspace.manifest.subject]: subject } : {};
}

function phrasesOf(cases: readonly ResolvedCase[], { sop, others }: { sop: Sop | undefined; others: readonly string[] }): string[] {
  return commonPhrases(
    cases.map(({ ticket }) => ticket.body),
    {
      known: sop?.triggers ?? [],
      others,
      senders: cases.map(({ ticket }) => ticket.sender),
      isOneReporter: cases.every(({ reporter }) => reporter === cases[0]?.reporter),
    },
  );
}

/** The labels that every ticket had. The category is what the desk finds out itself. */
function inputsOf(cases: readonly ResolvedCase[]): string[] {
  const keys = Object.keys(cases[0]?.ticket.labels ?? {}).filter((key) => key !== "category");
  return keys.filter((key) => cases.every(({ ticket }) => ticket.labels[key] !== undefined)).toSorted();
}

/** Median of what was approved; the cap is the dearest, in whole dollars. With one cost unknown there is no estimate, and the cap is that of the known ones. */
function numbersOf(cases: readonly ResolvedCase[]): Pick<SkillDraftMetadata, "costCapUsd" | "costEstimateUsd" | "etaMinutes"> {
  const costs = cases.map(({ costUsd }) => costUsd).filter((cost) => cost !== null);
  const etas = cases.map(({ etaMinutes }) => etaMinutes).filter((minutes) => minutes !== null);
  return {
    ...(costs.length > 0 ? { costCapUsd: Math.ceil(Math.max(...costs)) } : {}),
    ...(costs.length === cases.length ? { costEstimateUsd: Math.round(median(costs) * 100) / 100 } : {}),
    ...(etas.length > 0 ? { etaMinutes: Math.ceil(median(etas)) } : {}),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

const RECALL = "brain.search";

function stepsOf(cases: readonly ResolvedCase[], { workspace, sop }: { workspace: Workspace; sop: Sop | undefined }): { act: string; note: string }[] {
  const { acts, vendor } = cases[0]!;
  const recalled = cases.every(({ state }) => state.acts.some((act) => act.name === RECALL && act.state === "done"));
  const vendorName = (workspace.entities.get("vendor") ?? []).find((entity) => entity.id === vendor)?.name;
  const notes: Readonly<Record<string, string>> = {
    [RECALL]: "What is known of this place and of cases like it.",
    dispatch: vendorName === undefined ? "To whoever of us looks after it." : `To ${vendorName}.`,
    reply: "To the reporter, in the reporter's language.",
    reporter: sop?.check?.by === "reporter" ? sop.check.question : "The reporter says that it is done.",
    command: "The system looks for itself that it is done.",
    sensor: "A sensor says that it is done.",
  };
  return [...(recalled ? [RECALL] : []), ...acts].map((act) => ({ act, note: notes[act] ?? "" }));
}

const MOST_LAYERS = 12;

/** What every run had recalled, such as `sop:brain/sops/hvac_leak.md`. */
function layersOf(cases: readonly ResolvedCase[]): string[] {
  const recalled = cases.map(({ state }) =>
    state.acts.filter((act) => act.name === RECALL).flatMap((act) => ((act.result as { hits?: { id: string }[] } | null)?.hits ?? []).map((hit) => hit.id)),
  );
  return (recalled[0] ?? []).filter((id, index, all) => all.indexOf(id) === index && recalled.every((ids) => ids.includes(id))).slice(0, MOST_LAYERS);
}

const LONGEST_NAME = 64;

/** `handle-<category>`, and what the tickets are about or a number behind it where that is taken. */
function freeName({ category }: ResolvedCase, { workspace, subject }: { workspace: Workspace; subject: string | undefined }): string {
  const taken = new Set(workspace.skills.map((skill) => skill.name));
  const base = folderName(`handle-${category}`);
  const more = subject === undefined ? base : folderName(`${base}-${subject}`);
  for (let count = 2; ; count += 1) {
    const name = [base, more].find((candidate) => !taken.has(candidate)) ?? `${more.slice(0, LONGEST_NAME - 5)}-${count}`;
    if (!taken.has(name)) return name;
  }
}

/** As the Agent Skills format wants it: lower-case letters, digits and single hyphens. */
const folderName = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, LONGEST_NAME)
    .replace(/^-|-$/g, "");

/** Lengths of time as a person writes them: the loaded SOP has them in milliseconds. */
function checkAsWritten(check: CheckDeclaration): object {
  switch (check.by) {
    case "command":
      return { ...check, timeout: durationText(check.timeout) };
    case "reporter":
      return { ...check, within: durationText(check.within) };
    case "sensor":
      return check;
  }
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

function durationText(ms: number): string {
  const unit = UNITS.find(([, unitMs]) => ms % unitMs === 0);
  return unit ? `${ms / unit[1]}${unit[0]}` : `${ms}ms`;
}
