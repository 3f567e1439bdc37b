import { stringify } from "yaml";
import type { Workspace } from "#src/workspace/model.ts";
import type { ResolvedCase } from "./case.ts";
import { namesIn } from "./lesson.ts";
import type { SkillDraftMetadata } from "./skill-draft.ts";

const LONGEST_DESCRIPTION = 1_024;

interface Told {
  readonly name: string;
  readonly metadata: SkillDraftMetadata;
  readonly cases: readonly ResolvedCase[];
  readonly workspace: Workspace;
}

/** `SKILL.md` in the Agent Skills format (https://agentskills.io/specification). */
export function skillMarkdown({ name, metadata, cases, workspace }: Told): string {
  const names = namesIn(workspace, cases[0]!);
  const place = Object.keys(metadata.triggers.labels).length > 0 ? ` at ${names.subject}` : "";
  const description = `${names.what}${place}: the way that ${cases.length} tickets were resolved, by ${names.vendor}. Use when a message is of the category ${metadata.category}${place === "" ? "" : " and about this place"}.`;
  const front = { name, description: description.slice(0, LONGEST_DESCRIPTION), metadata: { category: metadata.category, "made-by": "learning" } };
  return ["---", yaml(front).trimEnd(), "---", "", `# ${oneLine(names.what)}${oneLine(place)}`, "", ...body({ metadata, cases }), ""].join("\n");
}

function body({ metadata, cases }: Pick<Told, "metadata" | "cases">): string[] {
  const { steps, triggers, approval, costCapUsd, costEstimateUsd, etaMinutes } = metadata;
  const limits = [
    ...(costEstimateUsd === undefined
      ? []
      : [`- Expected to cost $${costEstimateUsd}${etaMinutes === undefined ? "" : `, and to take ${etaMinutes} minutes`}.`]),
    ...(costCapUsd === undefined ? [] : [`- Above $${costCapUsd} a person is asked: it never cost more.`]),
    ...(approval === undefined
      ? []
      : [`- From severity ${approval.severityAtOrAbove} on a person is asked: one was asked then, or would be without this skill.`]),
  ];
  return [
    `Learned from ${cases.map(({ ticket, day }) => `#${ticket.number} (${day})`).join(" and ")}, which went the same way.`,
    "",
    ...(triggers.phrases.length > 0 ? ["## When", "", `The message has one of: ${triggers.phrases.join(", ")}.`, ""] : []),
    "## What is done, in this order",
    "",
    ...steps.map(({ act, note }, index) => `${index + 1}. \`${act}\`: ${oneLine(note)}`),
    ...(limits.length > 0 ? ["", "## Limits", "", ...limits] : []),
  ];
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trimEnd();

/** `skill.yaml`. */
export const skillYaml = (metadata: SkillDraftMetadata): string => yaml(metadata);

/** The reader of a workspace takes no aliases for granted, so none are written. */
const yaml = (value: unknown): string => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
