import { z } from "zod";
import { approvers, duration, header, labelKey, labels, languageTag, slug, usd } from "./common.ts";

/** A post-condition: how the system sees for itself that the work is done. */
export const checkDeclaration = z.discriminatedUnion("by", [
  z.strictObject({
    by: z.literal("command"),
    command: z.array(z.string().min(1)).min(1),
    timeout: duration.default(30_000),
    expectExitCode: z.int().default(0),
  }),
  z.strictObject({
    by: z.literal("reporter"),
    question: z.string().min(1),
    yes: z.string().default("yes"),
    no: z.string().default("no"),
    within: duration.default(86_400_000),
  }),
  z.strictObject({ by: z.literal("sensor"), sensor: slug, field: z.string().min(1), equals: z.union([z.string(), z.number(), z.boolean()]) }),
]);
export type CheckDeclaration = z.infer<typeof checkDeclaration>;

/** Words in the message that raise what the category starts with. */
const raise = z.strictObject({
  when: z.array(z.string().min(1)).min(1),
  severity: z.int().min(1).max(5).optional(),
  risk: slug.optional(),
  urgencyMinutes: z.int().positive().optional(),
});

const thresholds = z.strictObject({
  costAboveUsd: usd.optional(),
  severityAtOrAbove: z.int().min(1).max(5).optional(),
  risks: z.array(slug).default([]),
  approvers: approvers.optional(),
});

/** Front matter of `brain/sops/<id>.md`. */
export const sopFrontMatter = z.strictObject({
  id: slug,
  title: z.string().min(1),
  category: slug,
  triggers: z.array(z.string().min(1)).default([]),
  severity: z.int().min(1).max(5).default(2),
  urgencyMinutes: z.int().positive().default(240),
  raise: z.array(raise).default([]),
  preferredVendors: z.array(slug).default([]),
  costEstimateUsd: usd.optional(),
  etaMinutes: z.int().positive().optional(),
  acknowledgeWithin: duration.optional(),
  escalation: thresholds.optional(),
  check: checkDeclaration.optional(),
  labels: labels.default({}),
  language: languageTag.default("en"),
});
export type SopFrontMatter = z.infer<typeof sopFrontMatter>;

/** Front matter of `brain/voice/<id>.md`: something a person said, written down. */
export const voiceFrontMatter = z.strictObject({
  title: z.string().min(1),
  speaker: slug,
  language: languageTag,
  recordedAt: z.iso.datetime({ offset: true }),
  labels: labels.default({}),
  categories: z.array(slug).default([]),
  audio: z.string().optional(),
});
export type VoiceFrontMatter = z.infer<typeof voiceFrontMatter>;

/** An item of `brain/history/*.yaml` or `.json`: a case that was closed. */
export const historyItem = z.strictObject({
  id: slug,
  title: z.string().min(1),
  category: slug,
  labels: labels.default({}),
  vendor: slug.optional(),
  costUsd: usd.nullable().default(null),
  resolvedAt: z.iso.datetime({ offset: true }),
  summary: z.string().min(1),
});
export type HistoryItem = z.infer<typeof historyItem>;
export const historyFile = z.strictObject({ ...header, kind: z.literal("History"), items: z.array(historyItem) });

/** `brain/entities/*.yaml`: what the workspace deals with. `entity: vendor` are those whom work is dispatched to. */
export const entityItem = z.strictObject({
  id: slug,
  name: z.string().min(1),
  aliases: z.array(z.string()).default([]),
  categories: z.array(slug).default([]),
  labels: labels.default({}),
  languages: z.array(languageTag).default([]),
  contact: z.strictObject({ surface: slug, address: z.string().min(1) }).optional(),
  preferredVendors: z.record(slug, z.array(slug)).default({}),
  notes: z.string().default(""),
});
export type EntityItem = z.infer<typeof entityItem>;
export const entityFile = z.strictObject({
  ...header,
  kind: z.literal("Entities"),
  entity: labelKey,
  items: z.array(entityItem),
});

/** Front matter of `skills/<name>/SKILL.md`: the Agent Skills format. */
export const skillFrontMatter = z.strictObject({
  name: z
    .string()
    .max(64)
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "expected lower-case letters, digits and single hyphens between them"),
  description: z.string().min(1).max(1024),
  license: z.string().optional(),
  compatibility: z.string().max(500).optional(),
  metadata: z.record(z.string(), z.string()).default({}),
  "allowed-tools": z.string().optional(),
});

export type SkillFrontMatter = z.infer<typeof skillFrontMatter>;

/** `skills/<name>/skill.yaml`: what Loopwright adds beside SKILL.md. It may make a gate stricter, never looser. */
export const skillMetadata = z.strictObject({
  ...header,
  kind: z.literal("Skill"),
  category: slug,
  triggers: z.strictObject({ phrases: z.array(z.string().min(1)).default([]), labels: labels.default({}) }).prefault({}),
  inputs: z.array(z.string()).default([]),
  steps: z.array(z.strictObject({ act: z.string().min(1), note: z.string().default("") })).default([]),
  preferredVendors: z.array(slug).default([]),
  costCapUsd: usd.optional(),
  costEstimateUsd: usd.optional(),
  etaMinutes: z.int().positive().optional(),
  voice: z.string().default(""),
  approval: thresholds.optional(),
  check: checkDeclaration.optional(),
  sources: z.strictObject({
    tickets: z.array(z.string()).default([]),
    layers: z.array(z.string()).default([]),
    by: z.string(),
    at: z.iso.datetime({ offset: true }),
  }),
});
export type SkillMetadata = z.infer<typeof skillMetadata>;

/** Front matter of `goals/<id>.md`; a goal may also have none. */
export const goalFrontMatter = z.strictObject({ title: z.string().min(1).optional(), labels: labels.default({}) });
