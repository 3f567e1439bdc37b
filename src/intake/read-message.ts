import { z } from "zod";
import { phraseHits } from "#src/brain/words.ts";
import { LoopError } from "#src/kernel/errors.ts";
import { nearest } from "#src/workspace/nearest.ts";
import { taskKind } from "#src/workspace/manifest/agent.ts";
import { labels, languageTag } from "#src/workspace/manifest/common.ts";
import type { Workspace } from "#src/workspace/model.ts";

const LONGEST_TEXT = 100_000;

/** What somebody brings, before anything is believed of it. */
export const inboundMessage = z.strictObject({
  provider: z.string().min(1).max(64),
  surface: z.string().min(1).max(64),
  externalId: z.string().min(1).max(256).optional(),
  sender: z.string().trim().min(1, "expected who sent it").max(256),
  text: z
    .string()
    .max(LONGEST_TEXT, `expected ${LONGEST_TEXT} characters at most`)
    .refine((text) => text.trim() !== "", "expected some text")
    .refine((text) => text.isWellFormed() && !text.includes("\0"), "expected text without NUL and lone surrogates"),
  language: languageTag.optional(),
  labels: labels.default({}),
  agent: z.string().optional(),
  /** What kind of work it is; models are chosen by it. */
  task: taskKind.optional(),
});
export type InboundMessage = z.infer<typeof inboundMessage>;

/** The message, checked against the workspace: labels that name a kind of entity must name one that exists. @throws LoopError input_invalid with everything that is wrong */
export function readMessage(given: unknown, workspace: Workspace): InboundMessage {
  const read = inboundMessage.safeParse(given);
  if (!read.success) throw new LoopError("input_invalid", `The message cannot be taken: ${z.prettifyError(read.error)}`);
  const problems = Object.entries(read.data.labels).flatMap(([key, value]) => unknownEntity(workspace, key, value));
  if (problems.length > 0) throw new LoopError("input_invalid", problems.join(" "), { facts: { problems: problems.length } });
  return { ...read.data, labels: withSubject(read.data, workspace) };
}

function unknownEntity(workspace: Workspace, key: string, value: string): string[] {
  const entities = workspace.entities.get(key);
  if (!entities || entities.some((entity) => entity.id === value)) return [];
  const ids = entities.map((entity) => entity.id);
  const close = nearest(value, ids);
  return [`There is no ${key} "${value}".${close === undefined ? ` Known: ${ids.slice(0, 20).join(", ")}.` : ` Did you mean ${close}?`}`];
}

/** A message that names exactly one subject by its name or alias is about that one. */
function withSubject({ labels: given, text }: InboundMessage, workspace: Workspace): Record<string, string> {
  const key = workspace.manifest.subject;
  if (given[key] !== undefined) return given;
  const named = (workspace.entities.get(key) ?? []).filter((entity) => phraseHits(text, [entity.name, ...entity.aliases]).length > 0);
  return named.length === 1 ? { ...given, [key]: named[0]!.id } : given;
}
