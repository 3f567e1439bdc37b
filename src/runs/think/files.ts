import type { ModelFile } from "#src/acts/ports/model-port.ts";
import { readAttachments } from "#src/tickets/store/attachments.ts";
import type { Session } from "../session.ts";
import type { Prompt } from "./thought-kind.ts";

export const attachedTo = ({ messages }: Prompt): readonly ModelFile[] => messages.flatMap((message) => (message.role === "user" ? (message.files ?? []) : []));

/** More than providers count for an image of the size that they scale it to. */
const IMAGE_TOKENS = 6_000;

/** An upper bound for what a file adds to a call: text by its bytes, an image by its size after scaling, a document by its pages, at some 40 bytes a token. */
export function fileTokens({ mediaType, sizeBytes }: ModelFile): number {
  if (/^(text\/|application\/json$)/.test(mediaType)) return Math.ceil(sizeBytes / 3);
  return mediaType.startsWith("image/") ? IMAGE_TOKENS : Math.max(IMAGE_TOKENS, Math.ceil(sizeBytes / 40));
}

/** The bytes of what a prompt names; nothing where it names none. */
export async function filesOf({ engine }: Session, prompt: Prompt): Promise<{ readonly files?: ReadonlyMap<string, Uint8Array> }> {
  const digests = [...new Set(attachedTo(prompt).map(({ digest }) => digest))];
  return digests.length === 0 ? {} : { files: await readAttachments(engine.db, digests) };
}
